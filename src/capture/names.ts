/** Formats of a capture. */
export const FORMATS = ['raw', 'tcpprobe', 'csv', 'ndjson'] as const;
export type FormatName = (typeof FORMATS)[number];

/** Compressions of a capture. */
export const PACKINGS = ['gzip', 'zstd'] as const;
export type Packing = (typeof PACKINGS)[number];

/** The size or age at which a part ends. */
export type Rotation =
  | { readonly by: 'size'; readonly bytes: number }
  | { readonly by: 'time'; readonly ms: number };

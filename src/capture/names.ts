/** Formats of a capture. */
export const FORMATS = ['raw', 'tcpprobe', 'csv', 'ndjson'] as const;
export type FormatName = (typeof FORMATS)[number];

/** What a capture may be packed with. */
export const PACKINGS = ['gzip', 'zstd'] as const;
export type Packing = (typeof PACKINGS)[number];

/** When a part has become large or old enough. */
export type Rotation =
  | { readonly by: 'size'; readonly bytes: number }
  | { readonly by: 'time'; readonly ms: number };

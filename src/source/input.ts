/** The words of `-i` that mean this host. */
export const LIVE_INPUTS = ['auto', 'module', 'proc'] as const;

export type LiveInput = (typeof LIVE_INPUTS)[number];

/** The argument of `-i`: one of these words, "-" for standard input, else the path of a capture. */
export type Input = LiveInput | '-' | (string & {});

export function isLive(input: Input): input is LiveInput {
  return LIVE_INPUTS.some((word) => word === input);
}

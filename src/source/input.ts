/** What `-i` names: one of the words, "-" for standard input, else the path of a capture. */
export type Input = 'auto' | 'module' | 'proc' | '-' | (string & {});

export function isLive(input: Input): input is 'auto' | 'module' | 'proc' {
  return input === 'auto' || input === 'module' || input === 'proc';
}

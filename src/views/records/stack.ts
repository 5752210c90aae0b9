import { printable } from '../../terminal/text.js';

const INDENT = ' '.repeat(8);

/** A stack of the stream, `root;…;leaf`, below its record: a line a function, the leaf first. */
export function stackLines(stack: string | null): string[] {
  return stack === null
    ? []
    : stack
        .split(';')
        .reverse()
        .map((name) => INDENT + printable(name));
}

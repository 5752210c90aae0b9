import type { AlignedLines } from '../../terminal/aligned.js';
import { printable } from '../../terminal/text.js';
import type { Form, Timed } from './lines.js';

const INDENT = ' '.repeat(8);

/** A record that may have a stack. */
export interface Stacked extends Timed {
  readonly stack: string | null;
}

/** Return the lines of a stack `root;…;leaf`: one per function, the leaf first. */
export function stackLines(stack: string | null): string[] {
  return stack === null
    ? []
    : stack
        .split(';')
        .reverse()
        .map((name) => INDENT + printable(name));
}

/** Return the form of records that may have a stack. */
export function stackForm<R extends Stacked>(
  event: string,
  names: readonly (keyof R & string)[],
  aligned: AlignedLines<R>,
  stacks: boolean,
): Form<R> {
  return {
    columns: ['time', ...names].join(' '),
    aligned,
    words: (record, time) => [time, ...names.map((name) => record[name] ?? '-')].join(' '),
    ...(stacks ? { below: ({ stack }) => stackLines(stack) } : {}),
    object({ time, ...rest }, stamp) {
      return { event, time: stamp, stream_time: time, ...rest };
    },
  };
}

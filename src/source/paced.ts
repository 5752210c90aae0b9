import { MAX_LINE } from '../stream/parser.js';
import { pause } from './pace.js';

const NEWLINE = 0x0a;
/** Lines that are due within so many ms are handed on together. */
const TOGETHER = 20;

/**
 * Hands a capture on at the pace it was recorded at, times `speed`: each line when its time comes.
 * The clock starts with the first line that has a time, and again with each header.
 */
// biome-ignore lint/complexity/noExcessiveCognitiveComplexity: both loops share the position up to which lines were yielded
export async function* paced(
  chunks: AsyncIterable<Buffer>,
  speed: number,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, void> {
  let zero: number | null = null;
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    const bytes = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    let handed = 0;
    let line = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, line)) {
      const time = timeOf(bytes.toString('latin1', line, Math.min(end, line + 40)));
      if (time === 'header') {
        zero = null;
      } else if (time !== null) {
        const due = (time / speed) * 1000;
        zero ??= performance.now() - due;
        const wait = zero + due - performance.now();
        if (wait > TOGETHER) {
          if (line > handed) {
            yield bytes.subarray(handed, line);
            handed = line;
          }
          await pause(wait, signal);
          if (signal.aborted) {
            return;
          }
        }
      }
      line = end + 1;
    }
    if (line > handed) {
      yield bytes.subarray(handed, line);
    }
    rest = bytes.subarray(line);
    // The reader passes over a line that is too long, and keeps no more of it than it has to.
    if (rest.length > MAX_LINE) {
      yield rest;
      rest = Buffer.alloc(0);
    }
  }
  if (rest.length > 0) {
    yield rest;
  }
}

/** The time of a record, or of a line of tcp_probe; null where there is none. */
function timeOf(start: string): number | 'header' | null {
  if (/^[ \t]*#[ \t]+tcpsynq[ \t]/.test(start)) {
    return 'header';
  }
  const time = /^[ \t]*(?:[A-Z][ \t]+)?(\d+(?:\.\d+)?)[ \t]/.exec(start)?.[1];
  return time === undefined ? null : Number(time);
}

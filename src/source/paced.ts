import { endOfLine, WholeLines } from '../stream/whole-lines.js';
import { pause } from './pace.js';

/** Lines due within this many ms are handed on together. */
const TOGETHER = 20;
/** Bytes at the start of a line that hold its time. */
const START = 40;
const HEADER = /^[ \t]*#[ \t]+tcpsynq[ \t]/;
/** Matches a record, or a line of tcp_probe, and its time. */
const TIMED = /^[ \t]*(?:[A-Z][ \t]+)?(\d+(?:\.\d+)?)[ \t]/;

/**
 * Yield a capture at its recorded pace, times `speed`: each line when its time comes. The clock
 * starts with the first line that has a time, and again with each header.
 */
export async function* paced(
  chunks: AsyncIterable<Buffer>,
  speed: number,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, void> {
  const lines = new WholeLines();
  const timeUntil = scheduleAt(speed);
  for await (const chunk of chunks) {
    const text = lines.add(chunk);
    let handed = 0;
    for (let line = 0; line < text.length; line = endOfLine(text, line)) {
      const wait = timeUntil(text.toString('latin1', line, line + START));
      if (wait > TOGETHER) {
        yield text.subarray(handed, line);
        handed = line;
        await pause(wait, signal);
      }
      if (signal.aborted) {
        return;
      }
    }
    yield text.subarray(handed);
  }
  yield lines.rest();
}

/** Return a function that takes the start of a line, and returns the ms until the line is due. */
function scheduleAt(speed: number): (start: string) => number {
  /** The time of performance.now() at stream time 0; null before the first line with a time. */
  let zero: number | null = null;
  return (start) => {
    zero = HEADER.test(start) ? null : zero;
    const time = TIMED.exec(start)?.[1];
    if (time === undefined) {
      return 0;
    }
    const due = (Number(time) / speed) * 1000;
    zero ??= performance.now() - due;
    return zero + due - performance.now();
  };
}

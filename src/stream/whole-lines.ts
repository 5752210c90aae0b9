import { MAX_LINE } from './parser.js';

const NEWLINE = 0x0a;
const NOTHING: Buffer = Buffer.alloc(0);

/** Return the end of the line at `at`: after its newline, or at the end of the bytes. */
export function endOfLine(bytes: Buffer, at: number): number {
  return bytes.indexOf(NEWLINE, at) + 1 || bytes.length;
}

/**
 * Cuts a stream of bytes at line ends, and keeps an unfinished last line until its end arrives. It
 * hands on a line over MAX_LINE before its end arrives, so it keeps at most one line.
 */
export class WholeLines {
  /** Bytes taken so far, less those of dropped lines. */
  taken = 0;
  #kept: Buffer[] = [];
  #length = 0;
  /** Whether the beginning of the last line was already handed on. */
  #isBegun = false;

  /** Return whether the last line has no end yet. */
  get isCut(): boolean {
    return this.#isBegun || this.#length > 0;
  }

  /** Return the lines that a chunk completes, as part of the chunk if possible. Copy the rest. */
  add(chunk: Buffer): Buffer {
    const end = chunk.lastIndexOf(NEWLINE) + 1;
    this.taken += chunk.length;
    this.#isBegun &&= end === 0;
    const isOver = (end === 0 ? this.#length : 0) + chunk.length - end > MAX_LINE;
    const until = isOver ? chunk.length : end;
    const lines = until === 0 ? NOTHING : this.#join(chunk.subarray(0, until));
    if (until < chunk.length) {
      this.#kept.push(Buffer.from(chunk.subarray(until)));
      this.#length += chunk.length - until;
    }
    this.#isBegun ||= isOver;
    return lines;
  }

  /** Drop a last line that is unfinished. Return a newline if its beginning was handed on. */
  drop(): Buffer {
    const end = this.#isBegun ? Buffer.from([NEWLINE]) : NOTHING;
    this.taken += end.length - this.rest().length;
    this.#isBegun = false;
    return end;
  }

  /** Hand on the kept bytes of the last line. */
  rest(): Buffer {
    return this.#join(NOTHING);
  }

  #join(bytes: Buffer): Buffer {
    const whole = this.#kept.length > 0 ? Buffer.concat([...this.#kept, bytes]) : bytes;
    this.#kept = [];
    this.#length = 0;
    return whole;
  }
}

import { Problems } from '../stream/problems.js';

/** Whole lines that are written together. */
export interface Piece {
  readonly bytes: Buffer;
  /** The header for a file that begins with these lines, or within them. */
  readonly header: Buffer;
  /** Whether the lines begin with a header of their own. */
  readonly start: boolean;
}

/** Counts of records written and lost, and unreadable lines. */
export class CaptureTally {
  /** Records written: every line but headers and L lines. */
  records = 0;
  /** Records lost, according to the L lines. */
  lost = 0;
  /** Lines of the input that could not be read. */
  readonly problems = new Problems();
}

/**
 * Makes the lines of a capture from the bytes of a stream, whose chunks may end anywhere in a line.
 */
export interface Format {
  readonly tally: CaptureTally;
  /** Whether the limit of records is reached; later records are skipped. */
  readonly full: boolean;
  /** Convert a chunk; keep references to it only in the pieces. */
  push(chunk: Buffer): Iterable<Piece>;
  /** End the stream: an unfinished last line is not written. */
  end(): Iterable<Piece>;
}

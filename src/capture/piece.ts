import { Problems } from '../stream/problems.js';

/** Whole lines that go to a file together. */
export interface Piece {
  readonly bytes: Buffer;
  /** What a file that begins with these lines, or within them, must have before them. */
  readonly header: Buffer;
  /** The lines begin with a header of their own. */
  readonly start: boolean;
}

/** What was written, and what could not be. */
export class CaptureTally {
  /** Records written: every line but headers and L lines. */
  records = 0;
  /** Records that the L lines say were lost. */
  lost = 0;
  /** Lines of the input that were no records. */
  readonly problems = new Problems();
}

/** Makes the lines of a capture from the bytes of a stream, cut anywhere. */
export interface Format {
  readonly tally: CaptureTally;
  /** As many records have come as were asked for; what follows is skipped. */
  readonly full: boolean;
  /** Keeps nothing of the chunk but in the pieces. */
  push(chunk: Buffer): Iterable<Piece>;
  /** The stream has ended: a last line without an end is not written. */
  end(): Iterable<Piece>;
}

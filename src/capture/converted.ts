import type { Count, Loss } from '../stream/parser.js';
import { type Batch, type Item, type Start, StreamReader, type Taker } from '../stream/reader.js';
import type { Row } from '../stream/row.js';
import { CaptureTally, type Format, type Piece } from './piece.js';
import { CaptureClock } from './time.js';

/** Makes the lines of one format, with their line ends. */
export interface Writer {
  /** Return the first lines of each file, from the stream's current header. */
  header(reader: StreamReader): string;
  /** Whether each new header of the stream needs new first lines here. */
  readonly eachEpoch: boolean;
  row(row: Row, clock: CaptureClock): string;
  count(count: Count, clock: CaptureClock): string;
  loss(loss: Loss, clock: CaptureClock): string;
}

/**
 * Bytes after which a piece ends. A short input line can become long if the header has many
 * columns.
 */
const MAX_PIECE = 256 * 1024;

const ASCII = /^[\0-\x7f]*$/;

/**
 * Apply a function to the text of a field. The field holds one character for each byte of UTF-8,
 * and so does the result.
 */
export function onText(bytes: string, change: (text: string) => string): string {
  return ASCII.test(bytes)
    ? change(bytes)
    : Buffer.from(change(Buffer.from(bytes, 'latin1').toString())).toString('latin1');
}

/** Reads the stream and converts it to another format. */
export class Converted implements Format, Taker {
  readonly tally = new CaptureTally();
  readonly #reader = new StreamReader();
  #clock = new CaptureClock(null);
  #pieces: Piece[] = [];
  #header = '';
  /** Whether records have arrived since the stream's header. */
  #begun = false;
  #start = false;
  #out: string[] = [];
  #length = 0;

  constructor(
    private readonly writer: Writer,
    private readonly letters: string | null,
    private readonly limit: number,
  ) {}

  get full(): boolean {
    return this.tally.records >= this.limit;
  }

  push(chunk: Buffer): Generator<Piece, void, void> {
    return this.#convert(this.#reader.push(chunk));
  }

  end(): Generator<Piece, void, void> {
    return this.#convert(this.#reader.end());
  }

  begin({ starts }: Start): void {
    this.#begun &&= !starts;
  }

  /** Return whether to write the piece before taking more. */
  take(item: Item): boolean {
    switch (item.kind) {
      case '?':
        break;
      case '!':
        this.tally.problems.add(item.line, item.reason);
        break;
      case 'L':
        this.#loss(item);
        break;
      case 'C':
        this.#record('C', () => this.writer.count(item, this.#clock));
        break;
      default:
        this.#record(item.kind, () => this.writer.row(item, this.#clock));
    }
    return this.#length > MAX_PIECE;
  }

  /** Yield a piece when it is long enough: a whole chunk might need too much memory. */
  *#convert(batches: Iterable<Batch>): Generator<Piece, void, void> {
    for (const batch of batches) {
      batch.to(this);
      if (this.#length > MAX_PIECE) {
        this.#cut();
      }
      yield* this.#pieces.splice(0);
    }
    this.#cut();
    yield* this.#pieces.splice(0);
  }

  #cut(): void {
    if (this.#out.length > 0) {
      const header = Buffer.from(this.#header, 'latin1');
      const bytes = Buffer.from(this.#out.join(''), 'latin1');
      this.#pieces.push({ bytes, header, start: this.#start });
      this.#start = false;
      this.#out = [];
      this.#length = 0;
    }
  }

  #loss(loss: Loss): void {
    if (!this.full) {
      this.#begin();
      this.tally.lost += loss.lost;
      this.#put(this.writer.loss(loss, this.#clock));
    }
  }

  #record(letter: string, make: () => string): void {
    if (!this.full && (this.letters === null || this.letters.includes(letter))) {
      this.#begin();
      this.tally.records += 1;
      this.#put(make());
    }
  }

  #put(text: string): void {
    if (text !== '') {
      this.#out.push(text);
      this.#length += text.length;
    }
  }

  #begin(): void {
    if (this.#begun) {
      return;
    }
    this.#begun = true;
    this.#clock = new CaptureClock(this.#reader.header.clock_offset);
    this.#cut();
    const first = this.#header === '';
    if (first || this.writer.eachEpoch) {
      // Rows hold one character for each byte, so encode the header in the same way.
      this.#header = Buffer.from(this.writer.header(this.#reader)).toString('latin1');
    }
    if (!first && this.writer.eachEpoch) {
      this.#out.push(this.#header);
      this.#start = true;
    }
  }
}

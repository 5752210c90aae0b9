import type { Row } from '../record/row.js';
import { Scanner } from '../record/scan.js';
import type { Count, Line, Loss } from '../record/stream.js';
import { type Format, type Piece, Tally } from './piece.js';
import { Clock } from './time.js';

/** Makes the lines of one format. What it returns has its line ends. */
export interface Writer {
  /** What each file begins with, by what is known of the stream now. */
  header(scanner: Scanner): string;
  /** A new header of the stream calls for a new one here. */
  readonly eachEpoch: boolean;
  row(row: Row, clock: Clock): string;
  count(count: Count, clock: Clock): string;
  loss(loss: Loss, clock: Clock): string;
}

/** Reads the stream with the Scanner and writes it anew. */
export class Converted implements Format {
  readonly tally = new Tally();
  readonly #writer: Writer;
  readonly #letters: string | null;
  readonly #limit: number;
  readonly #scanner: Scanner;
  #clock = new Clock(null);
  #pieces: Piece[] = [];
  #header = '';
  /** Records have come since the stream's header. */
  #begun = false;
  #start = false;
  #out: string[] = [];

  constructor(writer: Writer, letters: string | null, limit: number) {
    this.#writer = writer;
    this.#letters = letters;
    this.#limit = limit;
    this.#scanner = new Scanner({
      row: (row) => this.#record(row.kind, () => writer.row(row, this.#clock)),
      line: (line) => this.#line(line),
    });
  }

  get full(): boolean {
    return this.tally.records >= this.#limit;
  }

  push(chunk: Buffer): Piece[] {
    this.#scanner.push(chunk);
    return this.#take();
  }

  end(): Piece[] {
    this.#scanner.end();
    return this.#take();
  }

  #take(): Piece[] {
    this.#cut();
    return this.#pieces.splice(0);
  }

  #cut(): void {
    if (this.#out.length > 0) {
      const header = Buffer.from(this.#header, 'latin1');
      const bytes = Buffer.from(this.#out.join(''), 'latin1');
      this.#pieces.push({ bytes, header, start: this.#start });
      this.#start = false;
      this.#out = [];
    }
  }

  #line(line: Line): void {
    if (line.type === 'start') {
      this.#begun = false;
    } else if (line.type === 'problem') {
      this.tally.problem(line.line, line.reason);
    } else if (line.type === 'record') {
      const { record } = line;
      if (record.kind === 'C') {
        this.#record('C', () => this.#writer.count(record, this.#clock));
      } else if (!this.full) {
        this.#begin();
        this.tally.loss(record);
        this.#put(this.#writer.loss(record, this.#clock));
      }
    }
  }

  #record(letter: string, make: () => string): void {
    if (!this.full && (this.#letters === null || this.#letters.includes(letter))) {
      this.#begin();
      this.tally.records += 1;
      this.#put(make());
    }
  }

  #put(text: string): void {
    if (text !== '') {
      this.#out.push(text);
    }
  }

  #begin(): void {
    if (this.#begun) {
      return;
    }
    this.#begun = true;
    this.#clock = new Clock(this.#scanner.header.clock_offset);
    this.#cut();
    const first = this.#header === '';
    if (first || this.#writer.eachEpoch) {
      // A row's bytes are characters here, so that they come out as they were.
      this.#header = Buffer.from(this.#writer.header(this.#scanner)).toString('latin1');
    }
    if (!first && this.#writer.eachEpoch) {
      this.#out.push(this.#header);
      this.#start = true;
    }
  }
}

import { Columns, TCP_PROBE_COLUMNS } from './columns.js';
import { Row } from './row.js';
import { type Line, MAX_LINE, StreamParser } from './stream.js';

const [NEWLINE, SPACE, HASH, ZERO, NINE, LETTER_A, LETTER_Z] = [
  0x0a, 0x20, 0x23, 0x30, 0x39, 0x41, 0x5a,
];
/** tcp_probe's columns without rcv_wnd, as older logs have them. */
const FEWEST_OF_TCP_PROBE = TCP_PROBE_COLUMNS.length - 1;

/** The kinds handed on as rows; there may be millions of them. */
const AS_ROWS = 'ADRSX';

/** What a scanner tells, line by line, in order. */
export interface Sink {
  /** A record of kind A, D, R, S or X. The row is good only until this returns. */
  row(row: Row): void;
  /** Any other line: counts, losses, headers, and what could not be read. */
  line(line: Line): void;
}

/**
 * Reads a stream or capture as bytes, cut anywhere: it finds every field of every line in one
 * pass and makes nothing of them that is not asked for. Columns go by the names in the header.
 * Never throws, keeps at most one line, and passes over what it cannot read, as a counted problem
 * with its line number.
 */
export class Scanner {
  readonly #sink: Sink;
  readonly #parser = new StreamParser();
  readonly #row = new Row();
  readonly #tcpProbe = new Columns(TCP_PROBE_COLUMNS);
  #columns: (Columns | undefined)[] = [];
  #kept: Buffer = Buffer.alloc(0);
  #skipping = false;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  /** The header in force. */
  get header() {
    return this.#parser.header;
  }

  /** Lines seen so far, and those of them that could not be read. */
  get lines(): number {
    return this.#parser.lines;
  }

  get problems(): number {
    return this.#parser.problems;
  }

  /** Takes the next bytes. They are not kept, but for an unfinished line. */
  push(chunk: Buffer): void {
    let bytes = chunk;
    if (this.#kept.length > 0) {
      bytes = Buffer.concat([this.#kept, chunk]);
    }
    const rest = this.#scan(bytes, this.#kept.length);
    this.#kept = Buffer.alloc(0);
    if (bytes.length - rest > MAX_LINE) {
      this.#skipping = true;
    } else if (!this.#skipping && rest < bytes.length) {
      this.#kept = Buffer.from(bytes.subarray(rest));
    }
  }

  /** The input has ended: a last line without an end is not known to be whole. */
  end(): void {
    if (this.#kept.length > 0 || this.#skipping) {
      this.#kept = Buffer.alloc(0);
      this.#skipping = false;
      this.#parser.lines += 1;
      this.#problem('the last line has no end: was it cut?');
    }
  }

  /** @returns where the unfinished line begins */
  #scan(bytes: Buffer, known: number): number {
    const { starts, ends } = this.#row;
    const last = starts.length - 1;
    const { length } = bytes;
    let line = 0;
    if (this.#skipping) {
      const end = bytes.indexOf(NEWLINE, known);
      if (end < 0) {
        return length;
      }
      this.#skipping = false;
      this.#parser.lines += 1;
      this.#problem(`longer than ${MAX_LINE} characters`);
      line = end + 1;
    }
    let start = line;
    let found = 0;
    for (let at = line; at < length; at++) {
      const byte = bytes[at] as number;
      if (byte > SPACE) {
        continue;
      }
      if (at > start) {
        starts[found] = start;
        ends[found] = at;
        if (found < last) {
          found += 1;
        }
      }
      start = at + 1;
      if (byte === NEWLINE) {
        this.#row.found = found;
        this.#line(bytes, line, at);
        line = start;
        found = 0;
      }
    }
    return line;
  }

  #line(bytes: Buffer, start: number, end: number): void {
    const row = this.#row;
    const first = row.found > 0 ? (bytes[row.starts[0] as number] as number) : NEWLINE;
    const letter = first - LETTER_A;
    const single = row.found > 0 && (row.ends[0] as number) - (row.starts[0] as number) === 1;
    if (end - start > MAX_LINE) {
      this.#parser.lines += 1;
      this.#problem(`longer than ${MAX_LINE} characters`);
    } else if (single && first >= LETTER_A && first <= LETTER_Z && IS_ROW[letter]) {
      const columns = this.#columns[letter] ?? this.#learn(letter);
      row.kind = KINDS[letter] as string;
      row.tcpProbe = false;
      this.#take(bytes, columns, columns.names.length);
    } else if (first >= ZERO && first <= NINE && !single) {
      row.kind = 'S';
      row.tcpProbe = true;
      this.#take(bytes, this.#tcpProbe, FEWEST_OF_TCP_PROBE);
    } else {
      const parsed = this.#parser.parse(bytes.toString('utf8', start, end));
      if (first === HASH) {
        this.#columns = [];
      }
      this.#sink.line(parsed);
    }
  }

  #learn(letter: number): Columns {
    const columns = new Columns(this.#parser.columns(KINDS[letter] as string));
    this.#columns[letter] = columns;
    return columns;
  }

  #take(bytes: Buffer, columns: Columns, least: number): void {
    const row = this.#row;
    this.#parser.lines += 1;
    row.bytes = bytes;
    row.columns = columns;
    if (row.width < least) {
      this.#problem(`${row.width} columns where there should be ${least}`);
      return;
    }
    row.time = row.seconds(columns.index('time'));
    if (Number.isNaN(row.time)) {
      this.#problem('time is not seconds.nanoseconds');
      return;
    }
    this.#sink.row(row);
  }

  #problem(reason: string): void {
    this.#parser.problems += 1;
    this.#sink.line({ type: 'problem', line: this.#parser.lines, reason });
  }
}

const KINDS = Array.from({ length: 26 }, (_, i) => String.fromCharCode(LETTER_A + i));
const IS_ROW = KINDS.map((kind) => AS_ROWS.includes(kind));

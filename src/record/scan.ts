import { TCP_PROBE_COLUMNS } from '../stream/schema.js';
import { Columns } from './columns.js';
import { Row } from './row.js';
import { HAS_CONTROL, type Line, MAX_LINE, StreamParser } from './stream.js';

const [TAB, NEWLINE, RETURN, SPACE, HASH, ZERO, NINE, LETTER_A, LETTER_Z] = [
  0x09, 0x0a, 0x0d, 0x20, 0x23, 0x30, 0x39, 0x41, 0x5a,
];
/** tcp_probe's columns without srtt and rcv_wnd, as its first logs have them. */
const FEWEST_OF_TCP_PROBE = TCP_PROBE_COLUMNS.length - 2;

/** The control characters above ASCII's first: DEL, and C1 (U+0080 to U+009F) in UTF-8. */
const [DEL, C1, C1_FIRST, C1_LAST] = [0x7f, 0xc2, 0x80, 0x9f];

/** A byte that separates nothing. */
const NO_CUT = 0x7e;

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
 * Reads a stream or capture as bytes, cut anywhere: it finds every field of every line in one pass
 * and makes nothing of them that is not asked for. Blanks separate fields, any number of them, as in
 * awk. The header names the columns. Never throws, keeps at most one line, and passes over
 * what it cannot read, as a counted problem with its line number.
 */
export class Scanner {
  readonly #sink: Sink;
  readonly #parser = new StreamParser();
  readonly #row = new Row();
  readonly #tcpProbe = new Columns(TCP_PROBE_COLUMNS);
  #columns: (Columns | undefined)[] = [];
  /** An unfinished line, `#kept` bytes, and after it the chunk at hand. */
  #buffer = Buffer.alloc(0);
  #words = new Int32Array(0);
  #kept = 0;
  #skipping = false;
  /** A line with one space between its fields, where it had more. */
  #tidied = Buffer.alloc(0);

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  /** The header in force. */
  get header() {
    return this.#parser.header;
  }

  /** The names of a kind's columns, by the header in force. */
  columns(kind: string): readonly string[] {
    return this.#parser.columns(kind);
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
    const length = this.#kept + chunk.length;
    this.#reserve(length);
    chunk.copy(this.#buffer, this.#kept);
    // What fills the last word is no separator.
    this.#buffer.fill(NO_CUT, length, length + 3);
    const rest = this.#scan(length);
    this.#kept = length - rest;
    if (this.#kept > MAX_LINE) {
      this.#skipping = true;
    }
    if (this.#skipping) {
      this.#kept = 0;
    }
    this.#buffer.copyWithin(0, rest, rest + this.#kept);
  }

  /** The input has ended: a last line without an end is not known to be whole. */
  end(): void {
    if (this.#kept > 0 || this.#skipping) {
      this.#kept = 0;
      this.#skipping = false;
      this.#parser.lines += 1;
      this.#problem('the last line has no end: was it cut?');
    }
  }

  #reserve(length: number): void {
    if (this.#buffer.length < length + 3) {
      const larger = Buffer.alloc((2 * (length + 4)) & ~3);
      this.#buffer.copy(larger, 0, 0, this.#kept);
      this.#buffer = larger;
      this.#words = new Int32Array(larger.buffer, larger.byteOffset, larger.length >> 2);
    }
  }

  /**
   * Looks at four bytes at a time, since most are of no interest: of a word, `m` has the top bit
   * set of each byte below 0x21, and perhaps of one of 0x21 above such a byte. The first byte is
   * the lowest: so is it on x86-64 and arm64, where the module runs.
   *
   * @returns where the unfinished line begins
   */
  // biome-ignore lint/complexity/noExcessiveCognitiveComplexity: the hot loop, whose state is in local variables
  #scan(length: number): number {
    const bytes = this.#buffer;
    const words = this.#words;
    const row = this.#row;
    const { cuts } = row;
    const end = (length + 3) >> 2;
    let line = 0;
    let found = 1;
    let before = -1;
    /** Has a top bit where a byte of the line, or one beside it, may be DEL or above. */
    let high = 0;
    /** Each separator so far is one blank between two fields. */
    let isTidy = true;
    cuts[0] = -1;
    for (let i = 0; i < end; i++) {
      const word = words[i] as number;
      high |= word | (word + 0x01010101);
      let m = (word - 0x21212121) & ~word & 0x80808080;
      while (m !== 0) {
        const lowest = m & -m;
        m ^= lowest;
        const at = (i << 2) + ((31 - Math.clz32(lowest)) >> 3);
        const byte = bytes[at] as number;
        if (byte > SPACE) {
          continue;
        }
        // Past its end, on a line that is too long anyway, the array takes nothing.
        cuts[found++] = at;
        if (at === before + 1 || (byte !== SPACE && byte !== NEWLINE && byte !== TAB)) {
          isTidy = false;
        }
        before = at;
        if (byte === NEWLINE) {
          row.found = found - 1;
          if ((high & 0x80808080) !== 0) {
            isTidy &&= !hasHighControl(bytes, line, at);
            high = word | (word + 0x01010101);
          }
          isTidy ? this.#line(bytes, line, at) : this.#untidy(bytes, line, at);
          line = at + 1;
          cuts[0] = at;
          found = 1;
          isTidy = true;
        }
      }
    }
    return line;
  }

  /** Read a copy of the line that has one space between its fields. */
  #untidy(bytes: Buffer, start: number, end: number): void {
    if (this.#skipping || end - start > MAX_LINE) {
      this.#line(bytes, start, end);
      return;
    }
    const row = this.#row;
    const { cuts } = row;
    if (this.#tidied.length === 0) {
      this.#tidied = Buffer.alloc(MAX_LINE + 1);
    }
    const tidied = this.#tidied;
    let length = 0;
    let found = 1;
    let hasControl = hasHighControl(bytes, start, end);
    cuts[0] = -1;
    for (let at = start; at < end; at++) {
      const byte = bytes[at] as number;
      if (byte !== SPACE && byte !== TAB && byte !== RETURN) {
        hasControl ||= byte < SPACE;
        tidied[length++] = byte;
      } else if (length > 0 && tidied[length - 1] !== SPACE) {
        cuts[found++] = length;
        tidied[length++] = SPACE;
      }
    }
    if (length > 0 && tidied[length - 1] === SPACE) {
      length -= 1;
      found -= 1;
    }
    // What a blank line begins with, as in the buffer.
    tidied[length] = NEWLINE;
    cuts[found] = length;
    row.found = found;
    if (hasControl && tidied[0] !== HASH && !this.#parser.foreign) {
      this.#parser.lines += 1;
      this.#problem(HAS_CONTROL);
    } else {
      this.#line(tidied, 0, length);
    }
  }

  #line(bytes: Buffer, start: number, end: number): void {
    const row = this.#row;
    const first = bytes[start] as number;
    const letter = first - LETTER_A;
    const single = row.cuts[1] === start + 1;
    if (this.#skipping || end - start > MAX_LINE) {
      this.#skipping = false;
      this.#parser.lines += 1;
      this.#problem(`longer than ${MAX_LINE} characters`);
    } else if (this.#parser.foreign && first !== HASH) {
      this.#sink.line(this.#parser.parse(bytes.toString('utf8', start, end)));
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
    row.time = row.seconds(columns.time);
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

/** Whether a line holds DEL or a C1 control character. */
function hasHighControl(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const next = bytes[at + 1] as number;
    if (bytes[at] === DEL || (bytes[at] === C1 && next >= C1_FIRST && next <= C1_LAST)) {
      return true;
    }
  }
  return false;
}

const KINDS = Array.from({ length: 26 }, (_, i) => String.fromCharCode(LETTER_A + i));
const IS_ROW = KINDS.map((kind) => AS_ROWS.includes(kind));

import { Columns } from './columns.js';
import {
  type Count,
  HAS_CONTROL,
  type Header,
  type Loss,
  MAX_LINE,
  StreamParser,
} from './parser.js';
import type { Problem } from './problems.js';
import { Row, type RowKind } from './row.js';
import { ROW_KINDS, TCP_PROBE_COLUMNS } from './schema.js';
import { Turn } from './turn.js';

const [TAB, NEWLINE, RETURN, SPACE, HASH, ZERO, NINE, LETTER_A] = [
  0x09, 0x0a, 0x0d, 0x20, 0x23, 0x30, 0x39, 0x41,
];
/** The control characters above the first 32 of ASCII: DEL, and C1 (U+0080 to U+009F) in UTF-8. */
const [DEL, C1, C1_FIRST, C1_LAST] = [0x7f, 0xc2, 0x80, 0x9f];
/** The number of tcp_probe's columns without srtt and rcv_wnd, as in its first logs. */
const MIN_TCP_PROBE_COLUMNS = TCP_PROBE_COLUMNS.length - 2;
/** A byte that is not a separator. */
const NO_CUT = 0x7e;
/** The highest bit of each byte of a word. */
const TOP_BITS = 0x80808080;
const START = /^[ \t\r]*#[ \t\r]+tcpsynq(?=[ \t\r]|$)/;

/** The kinds read as rows, indexed by letter: fast, since there may be millions of rows. */
const BY_LETTER: readonly (RowKind | undefined)[] = Array.from({ length: 26 }, (_, i) =>
  ROW_KINDS.find((kind) => kind.charCodeAt(0) === LETTER_A + i),
);

/** A line that could not be read. */
export interface Unreadable extends Problem {
  readonly kind: '!';
}

/** A record of a kind that this reader does not read. */
export interface Unknown {
  readonly kind: '?';
}

/** One line that is not a header; `kind` gives its type. */
export type Item = Row | Count | Loss | Unreadable | Unknown;

/** The state of the stream before the first line of a batch. */
export interface Start {
  /** The header in force. */
  readonly header: Header;
  /**
   * Whether a `# tcpsynq` line came before the batch, and began an epoch: new columns, clock and
   * counters.
   */
  readonly starts: boolean;
}

/** Receives a stream line by line. */
export interface Taker {
  begin?(batch: Start): void;
  /** Take an item; return true to end the batch there. A Row is valid only until this returns. */
  take(item: Item): unknown;
}

/** Lines of a stream one after another, under one header. */
export interface Batch extends Start {
  /**
   * Hand the lines to a taker. Call this once, and before the next batch is requested: that batch
   * begins where the taker ended this one. A loop over an iterator took a fifth longer for each
   * line.
   */
  to(taker: Taker): void;
}

/** Returned for a header: it ends the batch, since it changes how later lines are read. */
const IS_HEADER = Symbol('header');

/**
 * Reads a stream or capture as bytes, in chunks that may end anywhere in a line. It finds the
 * fields of each line in one pass, and converts only the requested ones. Any number of blanks
 * separates fields, as in awk. The header names the columns. It never throws, and keeps at most one
 * line. It reports an unreadable line as a problem with its line number, and continues.
 */
export class StreamReader {
  readonly #parser = new StreamParser();
  readonly #row = new Row();
  readonly #tcpProbe = new Columns(TCP_PROBE_COLUMNS, MIN_TCP_PROBE_COLUMNS);
  #columns: (Columns | undefined)[] = [];
  /** An unfinished line of `#kept` bytes, then the current chunk, up to `#length`. */
  #buffer = Buffer.alloc(0);
  #words = new Int32Array(0);
  #kept = 0;
  #length = 0;
  /** Where the next line begins. */
  #line = 0;
  /**
   * Whether the fields found have one blank between them, and the line has no control characters.
   */
  #isTidy = true;
  #skipping = false;
  /** A copy of a line with one space between its fields. */
  #tidied = Buffer.alloc(0);
  /** Whether the reader is handing on the lines of a batch, which a header ends. */
  #inBatch = false;
  /**
   * Whether the header has changed since the last batch, and whether a `# tcpsynq` line changed it.
   */
  #isHeaderDue = false;
  #isStart = false;

  /** The header in force. */
  get header(): Header {
    return this.#parser.header;
  }

  /** Return the names of a kind's columns from the header in force. */
  columns(kind: string): readonly string[] {
    return this.#parser.columns(kind);
  }

  /** Return the number of lines seen so far. */
  get lines(): number {
    return this.#parser.lines;
  }

  /**
   * Take the next bytes, and return the lines that they complete, in batches. Keep no bytes except
   * an unfinished line. If the caller leaves the loop early, the reader's position is undefined.
   */
  *push(chunk: Buffer): Generator<Batch, void, void> {
    this.#load(chunk);
    for (;;) {
      const first = this.#next(null);
      if (first === null) {
        break;
      }
      yield this.#batch(first === IS_HEADER ? null : first);
    }
    this.#keep();
  }

  /** End the input. A last line without a newline may be cut, so report it as unreadable. */
  *end(): Generator<Batch, void, void> {
    if (this.#kept > 0 || this.#skipping) {
      this.#kept = 0;
      this.#skipping = false;
      this.#parser.lines += 1;
      this.#length = 0;
      yield this.#batch(this.#unreadable('the last line has no end: was it cut?'));
    } else if (this.#isHeaderDue) {
      yield this.#batch(null);
    }
  }

  /** @param first the first line, if any */
  #batch(first: Item | null): Batch {
    const { header } = this.#parser;
    const starts = this.#isStart;
    this.#isStart = false;
    this.#isHeaderDue = false;
    const batch = {
      header,
      starts,
      to: (taker: Taker) => {
        taker.begin?.(batch);
        if (first !== null && taker.take(first) !== true) {
          this.#next(taker);
        }
      },
    };
    return batch;
  }

  #load(chunk: Buffer): void {
    const length = this.#kept + chunk.length;
    if (this.#buffer.length < length + 3) {
      const larger = Buffer.alloc((2 * (length + 4)) & ~3);
      this.#buffer.copy(larger, 0, 0, this.#kept);
      this.#buffer = larger;
      this.#words = new Int32Array(larger.buffer, larger.byteOffset, larger.length >> 2);
    }
    chunk.copy(this.#buffer, this.#kept);
    // Fill the last word with bytes that are not separators.
    this.#buffer.fill(NO_CUT, length, length + 3);
    this.#length = length;
    this.#line = 0;
  }

  /** Keep the rest of the chunk: the beginning of a line. */
  #keep(): void {
    const rest = this.#line;
    this.#kept = this.#length - rest;
    if (this.#kept > MAX_LINE) {
      this.#skipping = true;
    }
    if (this.#skipping) {
      this.#kept = 0;
    }
    this.#buffer.copyWithin(0, rest, rest + this.#kept);
    this.#length = 0;
    this.#line = 0;
  }

  /**
   * Hand the lines of a batch to a taker, up to a header or the end of the chunk. Without a taker,
   * return the first line of the next batch, or null at the end of the chunk. Return IS_HEADER
   * before a header that follows a header without lines.
   */
  #next(taker: Taker | null): Item | typeof IS_HEADER | null {
    const bytes = this.#buffer;
    this.#inBatch = taker !== null;
    for (;;) {
      const start = this.#line;
      const end = this.#findFields(start);
      if (end < 0) {
        return null;
      }
      const item = this.#isTidy ? this.#read(bytes, start, end) : this.#untidy(bytes, start, end);
      if (item === IS_HEADER) {
        return taker === null ? item : null;
      }
      this.#line = end + 1;
      if (item !== null && (taker === null || taker.take(item) === true)) {
        return item;
      }
    }
  }

  /**
   * Find the fields of the line that begins at `start`. Return the index of its newline, or -1 if
   * the chunk ends before it.
   *
   * Read four bytes at a time, since few are separators. `m` has a top bit set for each byte of
   * `word` that is below 0x21. The lowest byte comes first, as on x86-64 and arm64, where the
   * module runs.
   */
  #findFields(start: number): number {
    const bytes = this.#buffer;
    const words = this.#words;
    const row = this.#row;
    const { cuts } = row;
    const end = (this.#length + 3) >> 2;
    let found = 1;
    let before = start - 1;
    cuts[0] = before;
    let isTidy = true;
    /**
     * Has a top bit set if a byte of the line, or one shortly before it, may be DEL or begin a C1
     * character.
     */
    let high = 0;
    // Ignore the bytes of the first word that belong to the previous line.
    let wanted = TOP_BITS << ((start & 3) << 3);
    for (let i = start >> 2; i < end; i++) {
      const word = words[i] as number;
      high |= word + 0x01010101;
      let m = ~(((word & 0x7f7f7f7f) + 0x5f5f5f5f) | word) & wanted;
      wanted = TOP_BITS;
      while (m !== 0) {
        const at = (i << 2) + 3 - (Math.clz32(m & -m) >> 3);
        m &= m - 1;
        // Writes past the end of the array, on lines that are too long anyway, have no effect.
        cuts[found++] = at;
        const byte = bytes[at] as number;
        isTidy &&= at !== before + 1;
        if (byte === NEWLINE) {
          row.found = found - 1;
          this.#isTidy = isTidy && ((high & TOP_BITS) === 0 || !hasHighControl(bytes, start, at));
          return at;
        }
        isTidy &&= byte === SPACE || byte === TAB;
        before = at;
      }
    }
    return -1;
  }

  /** Read a copy of the line with one space between its fields. */
  #untidy(bytes: Buffer, start: number, end: number): Item | typeof IS_HEADER | null {
    if (this.#skipping || end - start > MAX_LINE) {
      return this.#read(bytes, start, end);
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
    // End the line with a newline, as the buffer does.
    tidied[length] = NEWLINE;
    cuts[found] = length;
    row.found = found;
    if (hasControl && tidied[0] !== HASH && !this.#parser.foreign) {
      this.#parser.lines += 1;
      return this.#unreadable(HAS_CONTROL);
    }
    return this.#read(tidied, 0, length);
  }

  /** @returns null for a line without content, or with content that is now in the header */
  #read(bytes: Buffer, start: number, end: number): Item | typeof IS_HEADER | null {
    const parser = this.#parser;
    const row = this.#row;
    const first = bytes[start] as number;
    if (this.#skipping || end - start > MAX_LINE) {
      this.#skipping = false;
      parser.lines += 1;
      return this.#unreadable(`longer than ${MAX_LINE} characters`);
    }
    if (first === HASH) {
      return this.#comment(bytes.toString('utf8', start, end));
    }
    const isSingle = row.cuts[1] === start + 1;
    const kind = isSingle ? BY_LETTER[first - LETTER_A] : undefined;
    if (kind !== undefined && !parser.foreign) {
      const columns = this.#columns[first - LETTER_A] ?? this.#columnsOf(first - LETTER_A);
      row.kind = kind;
      row.tcpProbe = false;
      return this.#take(bytes, columns);
    }
    if (!isSingle && first >= ZERO && first <= NINE && !parser.foreign) {
      row.kind = 'S';
      row.tcpProbe = true;
      return this.#take(bytes, this.#tcpProbe);
    }
    return this.#parse(bytes.toString('utf8', start, end));
  }

  #take(bytes: Buffer, columns: Columns): Item {
    const row = this.#row;
    this.#parser.lines += 1;
    row.line = this.#parser.lines;
    row.bytes = bytes;
    row.columns = columns;
    if (row.width < columns.least) {
      return this.#unreadable(`${row.width} columns where there should be ${columns.least}`);
    }
    row.time = row.seconds(columns.time);
    return Number.isNaN(row.time) ? this.#unreadable('time is not seconds.nanoseconds') : row;
  }

  #columnsOf(letter: number): Columns {
    const kind = BY_LETTER[letter] as string;
    const columns = new Columns(this.#parser.columns(kind), this.#parser.minColumns(kind));
    this.#columns[letter] = columns;
    return columns;
  }

  #comment(text: string): Item | typeof IS_HEADER | null {
    if (this.#inBatch || (this.#isHeaderDue && START.test(text))) {
      return IS_HEADER;
    }
    const before = this.#parser.header;
    const item = this.#parse(text);
    this.#columns = [];
    this.#isStart ||= START.test(text) && !this.#parser.foreign;
    this.#isHeaderDue ||= this.#isStart || this.#parser.header !== before;
    return item;
  }

  #parse(text: string): Item | null {
    const line = this.#parser.parse(text);
    switch (line.type) {
      case 'record':
        return line.record;
      case 'problem':
        return { kind: '!', line: line.line, reason: line.reason };
      case 'other':
        return { kind: '?' };
      default:
        return null;
    }
  }

  #unreadable(reason: string): Unreadable {
    return { kind: '!', line: this.#parser.lines, reason };
  }
}

/** Return whether a line holds DEL or a C1 control character. */
function hasHighControl(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const next = bytes[at + 1] as number;
    if (bytes[at] === DEL || (bytes[at] === C1 && next >= C1_FIRST && next <= C1_LAST)) {
      return true;
    }
  }
  return false;
}

/**
 * Read a stream as batches of lines, up to its end or the signal. After the signal, drop the
 * unfinished line. Check for the signal within a chunk too, since its lines may take long to
 * process; then drop the rest of that chunk.
 */
export async function* readBatches(
  chunks: AsyncIterable<Buffer>,
  signal?: AbortSignal,
  reader = new StreamReader(),
): AsyncGenerator<Batch, void, void> {
  const turn = new Turn();
  for await (const chunk of chunks) {
    for (const batch of reader.push(chunk)) {
      yield batch;
      if (turn.isDue) {
        await turn.take();
        if (signal?.aborted) {
          return;
        }
      }
    }
  }
  if (!signal?.aborted) {
    yield* reader.end();
  }
}

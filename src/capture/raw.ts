import { MAX_LINE, StreamParser } from '../stream/parser.js';
import { CaptureTally, type Format, type Piece } from './piece.js';

const [TAB, NEWLINE, RETURN, SPACE, HASH, ZERO, NINE, LETTER_A, LETTER_L, LETTER_Z] = [
  0x09, 0x0a, 0x0d, 0x20, 0x23, 0x30, 0x39, 0x41, 0x4c, 0x5a,
];
const NOTHING: Buffer = Buffer.alloc(0);
const START = /^[ \t]*#[ \t]+tcpsynq[ \t\r\n]/;
/** The lines that a header is made of: all others are copied, but not repeated in each part. */
const HEADER_LINE =
  /^[ \t]*#[ \t]+(tcpsynq|kernel|netns|boot_id|clock_offset|filter|[A-Z])(?=[ \t\r\n])/;
/** Bytes of a header that each part repeats. */
const MAX_HEADER = 8192;
/** A loss among the bare lines of format=tcpprobe. */
const BARE_LOSS = /^[ \t]*#[ \t]+(?=L[ \t]+\d)/;

function isBlank(byte: number | undefined): boolean {
  return byte === SPACE || byte === TAB || byte === RETURN;
}

/**
 * The bytes as they come. Lines are counted by their first letter and not read, but for headers,
 * which every part repeats, and L lines, which tell the losses.
 */
export class RawFormat implements Format {
  readonly tally = new CaptureTally();
  readonly #limit: number;
  readonly #losses = new StreamParser();
  /** The header's lines by what they are about, in the order they came in. */
  readonly #header = new Map<string, string>();
  #headerLength = 0;
  /** The header as bytes; null after a change. */
  #joined: Buffer | null = null;
  #kept: Buffer = NOTHING;
  #skipping = false;
  #lines = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get full(): boolean {
    return this.tally.records >= this.#limit;
  }

  // biome-ignore lint/complexity/noExcessiveCognitiveComplexity: the hot loop of a capture, whose branches share the cuts in local variables
  push(chunk: Buffer): Piece[] {
    const bytes = this.#kept.length > 0 ? Buffer.concat([this.#kept, chunk]) : chunk;
    const pieces: Piece[] = [];
    let from = 0;
    let line = 0;
    /** The last line was one of a header, and the piece begins with it. */
    let inHeader = false;
    let start = false;
    const cut = (to: number) => {
      if (to > from) {
        this.#joined ??= Buffer.from([...this.#header.values()].join(''));
        const header = this.#joined;
        pieces.push({ bytes: bytes.subarray(from, to), header, start });
      }
      from = to;
    };
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, line)) {
      if (this.full) {
        break;
      }
      this.#lines += 1;
      let at = line;
      while (isBlank(bytes[at])) {
        at += 1;
      }
      const first = bytes[at] as number;
      if (this.#skipping) {
        this.#skipping = false;
        from = end + 1;
        this.tally.problem(this.#lines, `longer than ${MAX_LINE} characters`);
      } else if (first === HASH) {
        const text = bytes.toString('utf8', line, end + 1);
        const [, key] = HEADER_LINE.exec(text) ?? [];
        if (BARE_LOSS.test(text)) {
          this.#loss(text.replace(BARE_LOSS, ''));
        } else if (key !== undefined) {
          if (!inHeader) {
            cut(line);
            start = START.test(text);
          }
          this.#comment(key, text);
        }
      } else if (isBlank(bytes[at + 1]) && first >= LETTER_A && first <= LETTER_Z) {
        if (first === LETTER_L) {
          this.#loss(bytes.toString('utf8', line, end));
        } else {
          this.tally.records += this.#losses.foreign ? 0 : 1;
        }
      } else if (first >= ZERO && first <= NINE) {
        this.tally.records += this.#losses.foreign ? 0 : 1;
      } else if (end > at) {
        this.tally.problem(this.#lines, 'not a record: it does not start with a one-letter kind');
      }
      inHeader = first === HASH;
      line = end + 1;
    }
    cut(line);
    this.#keep(this.full ? NOTHING : bytes.subarray(line));
    return pieces;
  }

  end(): Piece[] {
    if (this.#kept.length > 0 || this.#skipping) {
      this.tally.problem(this.#lines + 1, 'the last line has no end: was it cut?');
    }
    return [];
  }

  #keep(rest: Buffer): void {
    this.#skipping ||= rest.length > MAX_LINE;
    this.#kept = this.#skipping || rest.length === 0 ? NOTHING : Buffer.from(rest);
  }

  #comment(key: string, text: string): void {
    const line = this.#losses.parse(text.trimEnd());
    if (line.type === 'problem') {
      this.tally.problem(this.#lines, line.reason);
    }
    if (START.test(text)) {
      this.#header.clear();
      this.#headerLength = 0;
      this.#joined = null;
    }
    const before = this.#header.get(key) ?? '';
    const length = this.#headerLength - before.length + text.length;
    if (before !== text && length <= MAX_HEADER) {
      this.#header.set(key, text);
      this.#headerLength = length;
      this.#joined = null;
    }
  }

  #loss(text: string): void {
    const line = this.#losses.parse(text.trimEnd());
    if (line.type === 'record' && line.record.kind === 'L') {
      this.tally.loss(line.record);
    } else if (line.type === 'problem') {
      this.tally.problem(this.#lines, line.reason);
    }
  }
}

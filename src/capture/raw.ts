import { MAX_LINE, StreamParser } from '../stream/parser.js';
import { WholeLines } from '../stream/whole-lines.js';
import { CaptureTally, type Format, type Piece } from './piece.js';

const [TAB, NEWLINE, RETURN, SPACE, HASH, ZERO, NINE, LETTER_A, LETTER_L, LETTER_Z] = [
  0x09, 0x0a, 0x0d, 0x20, 0x23, 0x30, 0x39, 0x41, 0x4c, 0x5a,
];
const START = /^[ \t]*#[ \t]+tcpsynq[ \t\r\n]/;
/** Matches header lines. Other comments are copied, but not repeated in each part. */
const HEADER_LINE =
  /^[ \t]*#[ \t]+(tcpsynq|kernel|netns|boot_id|clock_offset|filter|[A-Z])(?=[ \t\r\n])/;
/** Maximum bytes of the header that each part repeats. */
const MAX_HEADER = 8192;
/** Matches the start of a loss in format=tcpprobe, where it is a comment: `# L`. */
const BARE_LOSS = /^[ \t]*#[ \t]+(?=L[ \t]+\d)/;

function isBlank(byte: number | undefined): boolean {
  return byte === SPACE || byte === TAB || byte === RETURN;
}

/**
 * Copies the bytes unchanged. It recognizes records by their first character. It parses only
 * headers, which every part repeats, and L lines, which report losses.
 */
export class RawFormat implements Format {
  readonly tally = new CaptureTally();
  readonly #losses = new StreamParser();
  /** The header's lines by key, in order of arrival. */
  readonly #header = new Map<string, string>();
  #headerLength = 0;
  /** The header as bytes; null after a change. */
  #joined: Buffer | null = null;
  readonly #whole = new WholeLines();
  /** Whether the current line is too long, and its beginning was dropped. */
  #skipping = false;
  #lines = 0;
  #pieces: Piece[] = [];
  /** The offset at which the piece begins, and whether a header of its own is there. */
  #from = 0;
  #start = false;
  /** The end of the last comment: a header line that begins there continues the same header. */
  #headerEnd = 0;

  constructor(private readonly limit: number) {}

  get full(): boolean {
    return this.tally.records >= this.limit;
  }

  push(chunk: Buffer): Piece[] {
    const bytes = this.#whole.add(chunk);
    let line = this.#skipping ? this.#skip(bytes) : 0;
    this.#from = line;
    this.#start = false;
    this.#headerEnd = -1;
    for (
      let end = bytes.indexOf(NEWLINE, line);
      end >= 0 && !this.full;
      end = bytes.indexOf(NEWLINE, line)
    ) {
      this.#lines += 1;
      this.#line(bytes, line, end);
      line = end + 1;
    }
    this.#cut(bytes, line);
    this.#skipping ||= line < bytes.length && !this.full;
    return this.#pieces.splice(0);
  }

  end(): Piece[] {
    if (this.#whole.isCut && !this.full) {
      this.tally.problems.add(this.#lines + 1, 'the last line has no end: was it cut?');
    }
    return [];
  }

  /** Skip the rest of a line that is too long. Return its end; 0 if the end has not arrived. */
  #skip(bytes: Buffer): number {
    const end = bytes.indexOf(NEWLINE) + 1;
    if (end > 0) {
      this.#skipping = false;
      this.#lines += 1;
      this.tally.problems.add(this.#lines, `longer than ${MAX_LINE} characters`);
    }
    return end;
  }

  /** End the piece. */
  #cut(bytes: Buffer, to: number): void {
    if (to > this.#from) {
      this.#joined ??= Buffer.from([...this.#header.values()].join(''));
      const header = this.#joined;
      this.#pieces.push({ bytes: bytes.subarray(this.#from, to), header, start: this.#start });
    }
    this.#from = to;
  }

  #line(bytes: Buffer, line: number, end: number): void {
    let at = line;
    while (isBlank(bytes[at])) {
      at += 1;
    }
    const first = bytes[at] as number;
    const isLetter = first >= LETTER_A && first <= LETTER_Z && isBlank(bytes[at + 1]);
    if (isLetter && first === LETTER_L) {
      this.#loss(bytes.toString('utf8', line, end));
    } else if (isLetter || (first >= ZERO && first <= NINE)) {
      this.tally.records += this.#losses.foreign ? 0 : 1;
    } else if (first === HASH) {
      this.#hash(bytes, line, end);
    } else if (end > at) {
      this.tally.problems.add(
        this.#lines,
        'not a record: it does not start with a one-letter kind',
      );
    }
  }

  /** Read a comment. The first line of a header begins a new piece. */
  #hash(bytes: Buffer, line: number, end: number): void {
    const text = bytes.toString('utf8', line, end + 1);
    const [, key] = HEADER_LINE.exec(text) ?? [];
    if (BARE_LOSS.test(text)) {
      this.#loss(text.replace(BARE_LOSS, ''));
    } else if (key !== undefined) {
      if (line !== this.#headerEnd) {
        this.#cut(bytes, line);
        this.#start = START.test(text);
      }
      this.#comment(key, text);
    }
    this.#headerEnd = end + 1;
  }

  #comment(key: string, text: string): void {
    const line = this.#losses.parse(text.trimEnd());
    if (line.type === 'problem') {
      this.tally.problems.add(this.#lines, line.reason);
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
      this.tally.lost += line.record.lost;
    } else if (line.type === 'problem') {
      this.tally.problems.add(this.#lines, line.reason);
    }
  }
}

import { type Counters, isCounterName } from './counters.js';
import { MAX_SECONDS, parseInteger, parseSeconds } from './number.js';
import { COLUMNS, FORMAT_VERSION, MIN_COLUMNS } from './schema.js';

/** The maximum length of a line, in characters. The module's longest lines hold a stack. */
export const MAX_LINE = 65_536;

/** Maximum columns of a kind, and characters of a name; the module needs at most 27 and 14. */
const [MAX_COLUMNS, MAX_NAME] = [256, 64];

/** Separates two fields. Blanks at both ends of a line are ignored. */
const BLANKS = /[ \t\r]+/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: no line of the module has one
const CONTROL = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/;
export const HAS_CONTROL = 'not a record: it holds control characters';

/** One C line: the figures at one time. */
export interface Count {
  readonly kind: 'C';
  /** Seconds since the tap was opened; with the header's clock offset, seconds since 1970. */
  readonly time: number;
  readonly half_open: number;
  /** Every figure of the line, including half_open. */
  readonly figures: Counters;
}

/** One L line: this reader's buffer was full and records were lost. */
export interface Loss {
  readonly kind: 'L';
  readonly time: number;
  /** The kind of the records lost. */
  readonly of: string;
  readonly lost: number;
  readonly lost_total: number;
  readonly produced_total: number;
}

/** The content of the `#` lines; null for absent ones. */
export interface Header {
  readonly version: number | null;
  readonly kernel: string | null;
  readonly netns: string | null;
  readonly boot_id: string | null;
  /** Seconds since 1970 at which stream time was 0. */
  readonly clock_offset: number | null;
  readonly filter: Readonly<Record<string, string>>;
}

export type ParsedLine =
  | { readonly type: 'record'; readonly record: Count | Loss }
  /** `# tcpsynq 1`: a new header, and with it a new epoch of every counter. */
  | { readonly type: 'start' }
  /** Any other `#` line; its content is in `header`. */
  | { readonly type: 'comment' }
  | { readonly type: 'blank' }
  /** A record of a kind that this parser does not read. */
  | { readonly type: 'other'; readonly kind: string }
  | { readonly type: 'problem'; readonly line: number; readonly reason: string };

/** The header before any `#` line. */
export const EMPTY_HEADER: Header = {
  version: null,
  kernel: null,
  netns: null,
  boot_id: null,
  clock_offset: null,
  filter: {},
};

/**
 * Reads the lines of a stream or capture one after another. It finds columns by their names in the
 * header, so it skips columns appended later. It never throws: an unreadable line is a `problem`
 * with its number, and does not affect the lines after it.
 */
export class StreamParser {
  /** The header in force. */
  header: Header = EMPTY_HEADER;
  /** Lines seen so far. */
  lines = 0;
  /** Whether the header in force has a format version that this parser does not read. */
  foreign = false;
  #columns = new Map<string, readonly string[]>();

  /** Return the names of a kind's columns: the header's, else those of docs/format.md. */
  columns(kind: string): readonly string[] {
    return this.#columns.get(kind) ?? COLUMNS[kind as keyof typeof COLUMNS] ?? [];
  }

  /**
   * Return how many columns a line of a kind has at least. Without a header that is as many as the
   * oldest module wrote.
   */
  minColumns(kind: string): number {
    return this.#columns.get(kind)?.length ?? MIN_COLUMNS[kind as keyof typeof MIN_COLUMNS] ?? 0;
  }

  parse(text: string): ParsedLine {
    this.lines += 1;
    if (text.length > MAX_LINE) {
      return this.#problem(`longer than ${MAX_LINE} characters`);
    }
    const fields = text.split(BLANKS).filter((field) => field !== '');
    const kind = fields[0] ?? '';
    if (kind === '') {
      return { type: 'blank' };
    }
    if (kind.startsWith('#')) {
      return kind === '#' ? this.#comment(fields) : { type: 'comment' };
    }
    if (this.foreign) {
      return this.#problem('of a format version that is not read here');
    }
    if (CONTROL.test(text)) {
      return this.#problem(HAS_CONTROL);
    }
    if (/^[ABD-KM-Z]$/.test(kind)) {
      return { type: 'other', kind };
    }
    if (kind !== 'C' && kind !== 'L') {
      return this.#problem('not a record: it does not start with a one-letter kind');
    }
    const found = fields.length - 1;
    const names = this.columns(kind).slice(0, found);
    const least = this.minColumns(kind);
    if (found < least) {
      return this.#problem(`${found} columns where the header has ${least}`);
    }
    return kind === 'C' ? this.#count(names, fields) : this.#loss(names, fields);
  }

  #problem(reason: string): ParsedLine {
    return { type: 'problem', line: this.lines, reason };
  }

  #comment(fields: readonly string[]): ParsedLine {
    const key = fields[1] ?? '';
    const rest = fields.slice(2);
    const value = rest.join(' ');
    if (key === 'tcpsynq') {
      return this.#start(parseInteger(value) ?? null);
    }
    if (this.foreign) {
      return { type: 'comment' };
    }
    if (key === 'L' && parseSeconds(rest[0] ?? '') !== undefined) {
      // A loss, as format=tcpprobe writes it among its bare lines.
      return this.#loss(COLUMNS.L, fields.slice(1));
    }
    if (/^[A-Z]$/.test(key)) {
      // Limit the names: a converted line carries all of them, however short the original line is.
      if (rest.length > MAX_COLUMNS || rest.some((name) => name.length > MAX_NAME)) {
        return this.#problem(
          `more than ${MAX_COLUMNS} columns, or a name of more than ${MAX_NAME} characters`,
        );
      }
      this.#columns.set(key, rest);
    } else if (key === 'kernel' || key === 'netns' || key === 'boot_id') {
      this.header = { ...this.header, [key]: value };
    } else if (key === 'clock_offset') {
      return this.#clockOffset(value);
    } else if (key === 'filter') {
      const filter = Object.fromEntries(
        rest.map((pair) => {
          const at = pair.indexOf('=');
          return at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)];
        }),
      );
      this.header = { ...this.header, filter };
    }
    return { type: 'comment' };
  }

  #start(version: number | null): ParsedLine {
    this.header = { ...EMPTY_HEADER, version };
    this.#columns.clear();
    this.foreign = version !== FORMAT_VERSION;
    if (!this.foreign) {
      return { type: 'start' };
    }
    const remedy = `this tcpsynq reads version ${FORMAT_VERSION}: install a newer one`;
    return this.#problem(`format version ${version ?? 'unknown'}; ${remedy}`);
  }

  #clockOffset(value: string): ParsedLine {
    const clock_offset = parseSeconds(value) ?? null;
    this.header = { ...this.header, clock_offset };
    return clock_offset === null
      ? this.#problem(`clock_offset is not a number of seconds up to ${MAX_SECONDS}`)
      : { type: 'comment' };
  }

  #count(names: readonly string[], fields: readonly string[]): ParsedLine {
    const time = parseSeconds(fields[names.indexOf('time') + 1] ?? '');
    if (time === undefined) {
      return this.#problem('time is not seconds.nanoseconds');
    }
    const figures: Counters = {};
    for (const [i, name] of names.entries()) {
      if (isCounterName(name)) {
        const value = parseInteger(fields[i + 1] ?? '');
        if (value === undefined) {
          return this.#problem(`${name} is not a whole number below 2^53`);
        }
        figures[name] = value;
      }
    }
    if (figures.half_open === undefined) {
      return this.#problem('no column half_open');
    }
    return { type: 'record', record: { kind: 'C', time, half_open: figures.half_open, figures } };
  }

  #loss(names: readonly string[], fields: readonly string[]): ParsedLine {
    const field = (name: string) => fields[names.indexOf(name) + 1] ?? '';
    const time = parseSeconds(field('time'));
    const lost = parseInteger(field('lost'));
    const lost_total = parseInteger(field('lost_total'));
    const produced_total = parseInteger(field('produced_total'));
    if (
      time === undefined ||
      lost === undefined ||
      lost_total === undefined ||
      produced_total === undefined ||
      Math.min(lost, lost_total, produced_total) < 0
    ) {
      return this.#problem(
        'a loss needs time, kind, and from 0 on lost, lost_total, produced_total',
      );
    }
    const of = field('kind');
    return { type: 'record', record: { kind: 'L', time, of, lost, lost_total, produced_total } };
  }
}

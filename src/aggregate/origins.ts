import { EMPTY_HEADER, type Header } from '../stream/parser.js';
import type { Start } from '../stream/reader.js';

/** The place where a stream was recorded, and its filters. */
export interface Origin {
  /** Its header without the filter. */
  readonly header: Header;
  /** Number of headers with this origin: each part of a capture has one. */
  headers: number;
  /** Each filter that was in force, in the order seen, as `key=value` with spaces between. */
  readonly filters: string[];
}

/** Maximum number of origins kept, and of distinct filters kept for each. */
const MOST_ORIGINS = 16;
const MOST_FILTERS = 8;

/** Collects the origins in the headers of a file. */
export class Origins {
  /** The first MOST_ORIGINS origins. */
  readonly kept: Origin[] = [];
  /** Number of headers whose origin is not kept. */
  forgotten = 0;
  #header: Header | null = null;
  #filters: string[] = [];

  begin({ header, starts }: Start): void {
    if (starts || header.version !== this.#header?.version) {
      this.finish();
    }
    if (starts || header !== this.#header) {
      this.#header = header === EMPTY_HEADER ? null : header;
      this.#filter(header.filter);
    }
  }

  /** End the current header. */
  finish(): void {
    const header = this.#header;
    const filters = this.#filters;
    this.#header = null;
    this.#filters = [];
    if (header === null) {
      return;
    }
    const same = this.kept.find((one) => isSameTap(one.header, header));
    if (same !== undefined) {
      same.headers += 1;
      const more = filters.filter((filter) => !same.filters.includes(filter));
      same.filters.push(...more.slice(0, MOST_FILTERS - same.filters.length));
    } else if (this.kept.length < MOST_ORIGINS) {
      this.kept.push({ header, headers: 1, filters });
    } else {
      this.forgotten += 1;
    }
  }

  #filter(filter: Header['filter']): void {
    const text = Object.entries(filter)
      .map(([key, value]) => `${key}=${value}`)
      .join(' ');
    if (text !== '' && this.#filters.length < MOST_FILTERS && !this.#filters.includes(text)) {
      this.#filters.push(text);
    }
  }
}

/** Compare headers by the keys that docs/format.md defines for the parts of one capture. */
function isSameTap(a: Header, b: Header): boolean {
  const keys = ['version', 'kernel', 'netns', 'boot_id', 'clock_offset'] as const;
  return keys.every((key) => a[key] === b[key]);
}

import type { HalfOpen } from '../record/halfopen.js';
import { type Line, type Look, micros, printable, whole } from './text.js';

/** From so many columns on, times are shown to the microsecond. */
const ROOMY = 100;

const LOOKS: Readonly<Record<string, Look>> = {
  completed: 'good',
  expired: 'bad',
  reset: 'warn',
  unreachable: 'warn',
};

interface Column {
  readonly title: string;
  readonly align: 'left' | 'right';
  /** What is left out first on a narrow terminal has the highest number; 0 and 1 never are. */
  readonly order: number;
  readonly width: (columns: number) => number;
  readonly text: (event: HalfOpen, clock: string) => string;
  readonly look?: (event: HalfOpen) => Look | undefined;
}

const COLUMNS: readonly Column[] = [
  {
    title: 'TIME',
    align: 'left',
    order: 6,
    width: (columns) => (columns < ROOMY ? 8 : 15),
    text: (_, clock) => clock,
    look: () => 'dim',
  },
  {
    title: '',
    align: 'left',
    order: 0,
    width: () => 1,
    text: ({ event }) => (event === 'added' ? '+' : '-'),
    look: ({ event }) => (event === 'added' ? 'bold' : 'dim'),
  },
  {
    title: 'REMOTE',
    align: 'left',
    order: 1,
    width: () => 15,
    text: ({ remote }) => printable(remote),
  },
  {
    title: 'LOCAL',
    align: 'left',
    order: 5,
    width: () => 8,
    text: ({ local }) => printable(local),
  },
  {
    title: 'QUEUE',
    align: 'right',
    order: 3,
    width: () => 5,
    text: ({ qlen, limit }) =>
      limit === null ? whole(qlen, true) : `${whole(qlen, true)}/${whole(limit, true)}`,
  },
  {
    title: 'OUTCOME',
    align: 'left',
    order: 2,
    width: () => 9,
    text: ({ outcome }) => printable(outcome ?? ''),
    look: ({ outcome }) => LOOKS[outcome ?? ''],
  },
  {
    title: 'AGE',
    align: 'right',
    order: 4,
    width: () => 7,
    text: ({ age_us }) => (age_us === null ? '' : micros(age_us)),
  },
  {
    title: 'SYN-ACKS',
    align: 'right',
    order: 7,
    width: () => 8,
    text: ({ synacks }) => (synacks === null ? '' : whole(synacks, true)),
  },
];

/** One line per event for a terminal: columns stay below each other, and widen when they must. */
export class HalfOpenLines {
  readonly #widest = new Map<Column, number>();

  /** @param columns of the terminal */
  header(columns: number): Line {
    const titles = this.#fitting(columns).map(({ column, width }) =>
      aligned(column.title, column, width),
    );
    return [{ text: titles.join(' ').trimEnd(), look: 'dim' }];
  }

  /** @param clock the time of day to the microsecond, or whatever stands for it */
  line(event: HalfOpen, clock: string, columns: number): Line {
    for (const column of COLUMNS) {
      const { length } = column.text(event, '');
      if (length > (this.#widest.get(column) ?? 0)) {
        this.#widest.set(column, length);
      }
    }
    return this.#fitting(columns).flatMap(({ column, width }, i) => {
      const text = aligned(column.text(event, clock).slice(0, width), column, width);
      const look = column.look?.(event);
      return [i === 0 ? '' : ' ', look === undefined ? text : { text, look }];
    });
  }

  #fitting(columns: number): { readonly column: Column; readonly width: number }[] {
    let used = -1;
    const fitting = new Set(
      [...COLUMNS]
        .sort((a, b) => a.order - b.order)
        .filter((column) => {
          const width = this.#width(column, columns);
          const fits = column.order < 2 || used + 1 + width <= columns;
          used += fits ? 1 + width : 0;
          return fits;
        }),
    );
    return COLUMNS.filter((column) => fitting.has(column)).map((column) => ({
      column,
      width: this.#width(column, columns),
    }));
  }

  #width(column: Column, columns: number): number {
    return Math.max(column.width(columns), this.#widest.get(column) ?? 0);
  }
}

function aligned(text: string, { align }: Column, width: number): string {
  return align === 'left' ? text.padEnd(width) : text.padStart(width);
}

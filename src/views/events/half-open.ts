import type { HalfOpen } from '../../aggregate/half-open.js';
import {
  type AlignedColumn,
  AlignedLines,
  timeColumn,
  wordColumn,
} from '../../terminal/aligned.js';
import { type Look, micros, printable, whole } from '../../terminal/text.js';

const LOOKS: Readonly<Record<string, Look>> = {
  completed: 'good',
  expired: 'bad',
  reset: 'warn',
  unreachable: 'warn',
};

const COLUMNS: readonly AlignedColumn<HalfOpen>[] = [
  timeColumn(6),
  {
    title: '',
    align: 'left',
    order: 0,
    width: () => 1,
    text: ({ event }) => (event === 'added' ? '+' : '-'),
    look: ({ event }) => (event === 'added' ? 'bold' : 'dim'),
  },
  wordColumn('REMOTE', 1, 15, ({ remote }) => remote),
  wordColumn('LOCAL', 5, 8, ({ local }) => local),
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

/** One line per event for a terminal. */
export class HalfOpenLines extends AlignedLines<HalfOpen> {
  constructor() {
    super(COLUMNS);
  }
}

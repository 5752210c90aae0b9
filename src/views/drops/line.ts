import type { Drop } from '../../aggregate/drop.js';
import {
  type AlignedColumn,
  AlignedLines,
  timeColumn,
  wordColumn,
} from '../../terminal/aligned.js';
import { whole } from '../../terminal/text.js';

const COLUMNS: readonly AlignedColumn<Drop>[] = [
  timeColumn(6),
  wordColumn('LOCATION', 0, 16, ({ location }) => location),
  { ...wordColumn('REASON', 2, 9, ({ reason }) => reason), look: () => 'warn' },
  wordColumn('REMOTE', 3, 15, ({ remote }) => remote),
  wordColumn('LOCAL', 5, 8, ({ local }) => local),
  wordColumn('STATE', 7, 11, ({ state }) => state),
  wordColumn('FLAGS', 4, 5, ({ flags }) => flags),
  {
    title: 'LENGTH',
    align: 'right',
    order: 8,
    width: () => 6,
    text: ({ length }) => (length === null ? '-' : whole(length, true)),
  },
  wordColumn('PROTO', 9, 5, ({ proto }) => proto),
];

/** One line per dropped packet for a terminal. */
export class DropLines extends AlignedLines<Drop> {
  constructor() {
    super(COLUMNS);
  }
}

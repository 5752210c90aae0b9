import type { Close } from '../../aggregate/close.js';
import {
  type AlignedColumn,
  AlignedLines,
  timeColumn,
  wordColumn,
} from '../../terminal/aligned.js';
import type { Look } from '../../terminal/text.js';

const LOOKS: Readonly<Record<string, Look>> = {
  fin: 'good',
  reset_received: 'warn',
  reset_sent: 'warn',
  timeout: 'bad',
  aborted: 'warn',
  icmp: 'bad',
};

const COLUMNS: readonly AlignedColumn<Close>[] = [
  timeColumn(5),
  wordColumn('REMOTE', 0, 15, ({ remote }) => remote),
  wordColumn('LOCAL', 4, 8, ({ local }) => local),
  wordColumn('STATE', 3, 11, ({ state }) => state),
  {
    ...wordColumn('CAUSE', 2, 14, ({ cause }) => cause),
    look: ({ cause }) => LOOKS[cause ?? ''],
  },
];

/** One line per closed connection for a terminal. */
export class CloseLines extends AlignedLines<Close> {
  constructor() {
    super(COLUMNS);
  }
}

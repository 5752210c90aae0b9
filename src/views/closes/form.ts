import type { Close } from '../../aggregate/close.js';
import { AlignedLines, timeColumn, wordColumn } from '../../terminal/aligned.js';
import type { Look } from '../../terminal/text.js';
import type { Form } from '../records/lines.js';
import { stackForm } from '../records/stack.js';

const LOOKS: Readonly<Record<string, Look>> = {
  fin: 'good',
  reset_received: 'warn',
  reset_sent: 'warn',
  timeout: 'bad',
  aborted: 'warn',
  icmp: 'bad',
};

/** Return the form of closed connections, one by one. */
export function closeForm(stacks: boolean): Form<Close> {
  const aligned = new AlignedLines<Close>([
    timeColumn(5),
    wordColumn('REMOTE', 0, 15, ({ remote }) => remote),
    wordColumn('LOCAL', 4, 8, ({ local }) => local),
    wordColumn('STATE', 3, 11, ({ state }) => state),
    {
      ...wordColumn('CAUSE', 2, 14, ({ cause }) => cause),
      look: ({ cause }) => LOOKS[cause ?? ''],
    },
  ]);
  return stackForm('close', ['local', 'remote', 'state', 'cause'], aligned, stacks);
}

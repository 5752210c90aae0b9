import type { Drop } from '../../aggregate/drop.js';
import { AlignedLines, numberColumn, timeColumn, wordColumn } from '../../terminal/aligned.js';
import { whole } from '../../terminal/text.js';
import type { Form } from '../records/lines.js';
import { stackForm } from '../records/stack.js';

const NAMES = [
  'location',
  'reason',
  'local',
  'remote',
  'state',
  'flags',
  'length',
  'proto',
] as const satisfies readonly (keyof Drop)[];

/** Return the form of dropped packets, one by one. */
export function dropForm(stacks: boolean): Form<Drop> {
  const aligned = new AlignedLines<Drop>([
    timeColumn(6),
    wordColumn('LOCATION', 0, 16, ({ location }) => location),
    { ...wordColumn('REASON', 2, 9, ({ reason }) => reason), look: () => 'warn' },
    wordColumn('REMOTE', 3, 15, ({ remote }) => remote),
    wordColumn('LOCAL', 5, 8, ({ local }) => local),
    wordColumn('STATE', 7, 11, ({ state }) => state),
    wordColumn('FLAGS', 4, 5, ({ flags }) => flags),
    numberColumn('LENGTH', 8, 6, ({ length }) => (length === null ? '-' : whole(length, true))),
    wordColumn('PROTO', 9, 5, ({ proto }) => proto),
  ]);
  return stackForm('drop', NAMES, aligned, stacks);
}

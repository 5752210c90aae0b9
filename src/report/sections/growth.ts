import type { Growing } from '../../aggregate/growth.js';
import { COUNTERS, OUTCOMES } from '../../stream/counters.js';
import { column } from '../../terminal/table.js';
import { percent, rate, whole } from '../../terminal/text.js';
import type { Html } from '../html.js';
import { type Context, timeWords } from '../section.js';
import { table } from '../table.js';

/** Show the growth of counters, and their highest rates. */
export function growthTable(
  { findings }: Context,
  caption: string,
  names: readonly Growing[],
): Html {
  const { growths, recording } = findings;
  const { totals, highest } = growths;
  const ended = OUTCOMES.reduce((sum, outcome) => sum + (totals[outcome] ?? 0), 0);
  const isOutcome = (name: Growing) => OUTCOMES.some((outcome) => outcome === name);
  return table(caption, [
    column('Figure', names, (name) => name, 'left'),
    column('Total', names, (name) => whole(totals[name] ?? 0, true)),
    ...(names.some(isOutcome)
      ? [
          column('Of those ended', names, (name) =>
            isOutcome(name) ? percent((totals[name] ?? 0) / ended) : '',
          ),
        ]
      : []),
    column('Most per second', names, (name) => rate(highest.get(name)?.rate ?? 0, true)),
    column(
      'When',
      names,
      (name) => {
        const most = highest.get(name);
        return most === undefined ? '-' : timeWords(recording.clock, most.time);
      },
      'left',
    ),
    column('Is', names, (name) => (name === 'added' ? 'became half-open' : COUNTERS[name]), 'left'),
  ]);
}

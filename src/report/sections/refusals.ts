import type { Growing } from '../../aggregate/growth.js';
import { html } from '../html.js';
import { type Context, figure, missing, type Section, without } from '../section.js';
import { timeChart } from '../series.js';
import { growthTable } from './growth.js';

const [ID, HEADING] = ['refused', 'SYNs that did not become half-open'];

const COLOURS = {
  queue_full: 'line-3',
  accept_full: 'line-4',
  cookies: 'line-1',
  cookies_ok: 'line-2',
  cookies_bad: 'line-5',
} as const satisfies Partial<Record<Growing, string>>;

const NAMES = Object.keys(COLOURS) as (keyof typeof COLOURS)[];

/** Show the SYNs refused for a full queue, and those answered with a cookie. */
export function refusalsSection(context: Context): Section {
  const { findings } = context;
  const { growths } = findings;
  if (growths.session.counts === 0) {
    return missing(ID, HEADING, findings, 'count', 'counts');
  }
  const names = NAMES.filter((name) => (growths.totals[name] ?? 0) > 0);
  if (names.length === 0) {
    return without(ID, HEADING, 'No SYN was refused, and none was answered with a cookie.');
  }
  const chart = timeChart(
    { id: 'chart-refused', kind: 'lines', group: 'all', hold: 'back', unit: 'per second' },
    growths.series.items,
    names.map((name) => ({
      label: name,
      colour: COLOURS[name],
      of: ({ rates }) => rates[name],
    })),
    ({ since }) => since,
    [findings.first, findings.last],
  );
  const body = html`${figure(
    chart,
    'Refusals and cookies per second',
    `Points: ${growths.series.kept('rate of each')}; each is the average since the count before.`,
  )}
${growthTable(context, 'Refusals and cookies', names)}`;
  return { id: ID, heading: HEADING, body, charts: [chart] };
}

import type { CountPoint } from '../../aggregate/recording.js';
import { OUTCOMES } from '../../stream/counters.js';
import { whole } from '../../terminal/text.js';
import { sureness, tablesOf, topOf } from '../../views/events/top.js';
import { type Html, html } from '../html.js';
import { type Context, figure, missing, more, type Section, timeWords } from '../section.js';
import { type SeriesLine, timeChart } from '../series.js';
import { onPage, table } from '../table.js';
import { growthTable } from './growth.js';

const [ID, HEADING] = ['half-open', 'Half-open connections'];
/** Maximum rows of sources and listeners. */
const MOST_ROWS = 20;

const LINES: readonly SeriesLine<CountPoint>[] = [
  {
    label: 'peak since the count before',
    colour: 'line-2',
    of: ({ figures }) => figures.peak ?? figures.half_open,
  },
  { label: 'half-open', colour: 'line-1', of: ({ figures }) => figures.half_open },
];

/** Show the half-opens over time, and their outcomes. */
export function halfOpenSection(context: Context): Section {
  const { findings } = context;
  const { growths, recording } = findings;
  const { counts } = recording;
  if (counts.added === 0) {
    return missing(ID, HEADING, findings, 'count', 'counts');
  }
  const stretch = [findings.first, findings.last];
  const levels = timeChart(
    { id: 'chart-half-open', kind: 'lines', group: 'all', hold: 'join', unit: 'connections' },
    counts.items,
    LINES,
    undefined,
    stretch,
  );
  const ended = OUTCOMES.filter((outcome) => (growths.totals[outcome] ?? 0) > 0);
  const outcomes = timeChart(
    { id: 'chart-outcomes', kind: 'stack', group: 'all', hold: 'back', unit: 'ended per second' },
    growths.series.items,
    // Reverse the outcomes: the last layer is the lowest, and `completed` should be next to the
    // axis.
    [...ended].reverse().map((outcome) => ({
      label: outcome,
      colour: `outcome-${outcome}`,
      of: ({ rates }) => rates[outcome],
    })),
    ({ since }) => since,
    stretch,
  );
  const body = html`${figure(levels, 'Half-open connections over time', `Points: ${counts.kept('count and peak')}.`)}
${levelWords(context)}
${
  ended.length === 0
    ? html`<p class="none">No half-open ended while this was recorded.</p>`
    : figure(
        outcomes,
        'How they ended, per second, stacked',
        `Points: ${growths.series.kept('rate of each outcome')}; each is the average since the count before.`,
      )
}
${growthTable(context, 'Half-opens added, and how they ended', ['added', ...ended])}
${events(context)}`;
  return {
    id: ID,
    heading: HEADING,
    body,
    charts: ended.length === 0 ? [levels] : [levels, outcomes],
  };
}

/** Describe the chart of the count in words. */
function levelWords({ findings: { recording } }: Context): Html {
  const { items } = recording.counts;
  const highOf = ({ figures }: CountPoint) => Math.max(figures.half_open ?? 0, figures.peak ?? 0);
  const highest = items.reduce((a, b) => (highOf(b) > highOf(a) ? b : a));
  const level = (count: CountPoint | undefined) => whole(count?.figures.half_open ?? 0, true);
  return html`<p>At most ${whole(highOf(highest), true)}, by ${timeWords(recording.clock, highest.time)}; ${level(items[0])} at the start, ${level(items.at(-1))} at the end.</p>`;
}

/** Show sources and listeners, if events were recorded. */
function events({ findings: { tally } }: Context): Html | null {
  if (tally.all.added + tally.all.removed === 0) {
    return null;
  }
  const top = topOf(tally, null, MOST_ROWS);
  const { listeners, sources } = tablesOf(top, true);
  return html`${table('Listeners, the busiest first', onPage(listeners))}
${
  sources[0]?.cells.length === 0
    ? null
    : more(
        'Where they came from',
        html`${table('Networks that most half-opens came from', onPage(sources))}<p class="note">${sureness(top, true).join(', ')}</p>`,
      )
}`;
}

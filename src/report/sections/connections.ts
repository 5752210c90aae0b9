import type { Sample } from '../../aggregate/connections.js';
import type { Recorded } from '../../aggregate/recording.js';
import { column } from '../../terminal/table.js';
import { count, whole } from '../../terminal/text.js';
import { labelsOf } from '../../views/plot/recording.js';
import { type Html, html } from '../html.js';
import type { TimeChart } from '../page/data.js';
import { type Context, figure, missing, type Section } from '../section.js';
import { type SeriesLine, timeChart } from '../series.js';
import { table } from '../table.js';

const [ID, HEADING] = ['connections', 'Connections'];

const WINDOW: readonly SeriesLine<Sample>[] = [
  { label: 'ssthresh', colour: 'line-2', dashed: true, of: ({ ssthresh }) => ssthresh },
  { label: 'cwnd', colour: 'line-1', of: ({ cwnd }) => cwnd },
];

/** A connection to show, with its number `n`, from 1. */
interface Shown {
  readonly n: number;
  readonly label: string;
  readonly recorded: Recorded;
}

/** Show the congestion window and round-trip time of the busiest connections. */
export function connectionsSection(context: Context): Section {
  const { findings } = context;
  const { connections } = findings.recording;
  const all = connections.sorted();
  if (all.length === 0) {
    return missing(ID, HEADING, findings, 'sample', 'samples');
  }
  const busiest = all.slice(0, context.connections);
  const labels = labelsOf(busiest);
  const shown = busiest.map((recorded, i) => ({ n: i + 1, label: labels[i] ?? '', recorded }));
  const parts = shown.map((one) => partOf(one, context));
  const left = all.slice(context.connections);
  const others = left.length + connections.forgotten;
  const unseen = left.reduce((sum, { samples }) => sum + samples, connections.forgottenSamples);
  const body = html`${overview(shown, context)}
${
  others === 0
    ? null
    : html`<p class="note">Left out: ${count(others, 'connection')} with ${count(unseen, 'sample')}; <code>--connections N</code> shows more.</p>`
}
${parts.map((part) => part.body)}`;
  return { id: ID, heading: HEADING, body, charts: parts.flatMap(({ charts }) => charts) };
}

function overview(shown: readonly Shown[], { unit }: Context): Html {
  const range = (title: string, of: (sample: Sample) => number, factor = 1) =>
    column(title, shown, ({ recorded }) => rangeOf(recorded.series.items.map(of), factor));
  return table('The busiest connections', [
    column(
      'Connection',
      shown,
      ({ n, label }) => html`<a href="#connection-${n}">${label}</a>`,
      'left',
    ),
    column('Samples', shown, ({ recorded }) => whole(recorded.samples, true)),
    range('cwnd (segments)', ({ cwnd }) => cwnd),
    range('ssthresh (segments)', ({ ssthresh }) => ssthresh),
    range(`srtt (${unit.words})`, ({ srtt }) => srtt, unit.factor),
  ]);
}

/** Return the range of all samples: downsampling keeps the lowest and the highest. */
function rangeOf(values: readonly number[], factor: number): string {
  const known = values.filter((value) => !Number.isNaN(value));
  const sorted = [...known].sort((a, b) => a - b);
  const [least, most, last] = [sorted[0], sorted.at(-1), known.at(-1)].map(
    (value = Number.NaN) => Math.round(value * factor * 1e3) / 1e3,
  );
  return known.length === 0 ? '-' : `${least} to ${most}, last ${last}`;
}

function partOf(
  { n, label, recorded }: Shown,
  { unit }: Context,
): { readonly body: Html; readonly charts: readonly TimeChart[] } {
  const { items } = recorded.series;
  const group = `connection-${n}`;
  const cwnd = timeChart(
    { id: `chart-cwnd-${n}`, kind: 'lines', group, hold: 'on', unit: 'segments' },
    items,
    WINDOW.filter(({ of }) => items.some((sample) => !Number.isNaN(of(sample)))),
  );
  const srtt = timeChart(
    { id: `chart-srtt-${n}`, kind: 'lines', group, hold: 'join', unit: unit.words },
    items,
    [{ label: 'srtt', colour: 'line-3', of: (sample) => sample.srtt * unit.factor }],
  );
  const measured = items.some((sample) => !Number.isNaN(sample.srtt));
  const body = html`<details open id="${group}"><summary><h3>${label}</h3></summary>
<div class="pair">
${figure(cwnd, 'Congestion window and slow start threshold', null)}
${measured ? figure(srtt, `Smoothed round-trip time (${unit.words})`, null) : html`<p class="none">Its round-trip time was not measured yet.</p>`}
</div>
<p class="note">Points: ${recorded.series.kept('cwnd, ssthresh and srtt')}.</p>
</details>
`;
  return { body, charts: measured ? [cwnd, srtt] : [cwnd] };
}

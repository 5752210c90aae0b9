import { column } from '../../terminal/table.js';
import { count, micros, percent, whole } from '../../terminal/text.js';
import { type Bin, binsOf, ERROR_PERCENT, quantileColumns } from '../../views/events/handshake.js';
import { html } from '../html.js';
import type { BarChart } from '../page/data.js';
import { type Context, figure, missing, more, type Section, without } from '../section.js';
import { bar, onPage, table } from '../table.js';

const [ID, HEADING] = ['handshake', 'Handshake time'];
/** Maximum bars of the histogram. */
const MOST_BARS = 32;
/** Maximum listeners in the table. */
const MOST_ROWS = 20;

/** Show the duration of completed handshakes. */
export function handshakeSection({ findings }: Context): Section {
  const { tally, ledger } = findings;
  const { handshakes } = tally.all;
  if (tally.all.added + tally.all.removed === 0) {
    return missing(ID, HEADING, findings, 'event', 'events');
  }
  if (handshakes.count === 0) {
    return without(ID, HEADING, 'No handshake was completed while this was recorded.');
  }
  const bins = binsOf(handshakes, MOST_BARS);
  const labels = bins.map((_, i) => labelOf(bins, i));
  const chart: BarChart = {
    id: 'chart-handshake',
    kind: 'bars',
    unit: 'handshakes',
    along: 'from the first SYN-ACK to the final ACK; each bar from its time up to the next',
    labels,
    bars: { label: 'handshakes', colour: 'line-1', values: bins.map(({ count: n }) => n) },
  };
  const most = Math.max(...bins.map(({ count: n }) => n));
  const { lost } = ledger.of('R');
  const listeners = tally.listeners().slice(0, MOST_ROWS);
  const body = html`${figure(
    chart,
    'How long handshakes took',
    `${whole(handshakes.count, true)} completed; times within ${ERROR_PERCENT} %, the highest exact.${lost > 0 ? ` Ends that were lost: ${count(lost, 'record')}.` : ''}`,
  )}
${table('Handshake time by listener', onPage(quantileColumns({ all: tally.all, listeners, lost }, true)))}
${more(
  'The bars as a table',
  table('Handshakes by time', [
    column('From', labels, (label) => label, 'left'),
    column('Handshakes', bins, ({ count: n }) => whole(n, true)),
    column('Share', bins, ({ count: n }) => percent(n / handshakes.count)),
    column('', bins, ({ count: n }) => bar(n / most), 'left'),
  ]),
)}`;
  return { id: ID, heading: HEADING, body, charts: [chart] };
}

function labelOf(bins: readonly Bin[], i: number): string {
  const from = bins[i]?.from ?? null;
  return from === null ? `<${micros(bins[i + 1]?.from ?? 0)}` : micros(from);
}

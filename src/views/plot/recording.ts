import type { Recorded, Recording } from '../../aggregate/recording.js';
import type { SrttUnit } from '../../stream/srtt.js';
import { type Line, whole } from '../../terminal/text.js';
import { connectionCharts, type Stretch, timeChart } from '../trace/connections.js';

/** Lines of a chart, including its name and its axis. */
const ROWS = 14;
/** Lines of two charts below each other. */
const ROWS_OF_TWO = 22;
const NARROW = 70;

/**
 * Return a label for each connection: its local and remote endpoint, and a number if an earlier
 * connection had the same endpoints.
 */
export function labelsOf(connections: readonly Recorded[]): string[] {
  const times = new Map<string, number>();
  return connections.map(({ local, remote }) => {
    const label = `${local} → ${remote}`;
    const n = (times.get(label) ?? 0) + 1;
    times.set(label, n);
    return n === 1 ? label : `${label} (${n})`;
  });
}

/** Draw a recording in characters: the busiest connections, then the half-opens if counted. */
export function drawRecording(
  recording: Recording,
  connections: number,
  unit: SrttUnit,
  columns: number,
): Line[] {
  const stretch: Stretch = { from: recording.first, to: recording.last, edge: 'end' };
  const shown = recording.connections.sorted().slice(0, connections);
  const labels = labelsOf(shown);
  const rows = columns < NARROW ? ROWS_OF_TWO : ROWS;
  const blocks = shown.map(({ samples, series: { items } }, i): Line[] => [
    [{ text: labels[i] ?? '', look: 'bold' }, `   ${whole(samples, true)} samples`],
    ...connectionCharts(items, stretch, unit, { columns, rows }),
  ]);
  if (recording.counts.added > 0) {
    const halfOpen = {
      name: 'half-open (connections)',
      of: ({ figures }: (typeof recording.counts.items)[number]) =>
        Math.max(figures.half_open ?? Number.NaN, figures.peak ?? 0),
    };
    blocks.push(timeChart(recording.counts.items, halfOpen, stretch, { columns, rows: ROWS }));
  }
  return blocks.flatMap((block, i) => (i === 0 ? block : [[], ...block]));
}

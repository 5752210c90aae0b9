import type { Sample } from '../aggregate/connections.js';
import type { CountPoint } from '../aggregate/recording.js';
import type { Downsampled } from '../sketch/downsampled.js';
import { growthOf, OUTCOMES } from '../stream/counters.js';
import type { SrttUnit } from '../stream/srtt.js';
import { OUR_MARK } from './script.js';

/** Figures whose growth is drawn, as connections per second. */
const COUNTED = ['added', ...OUTCOMES, 'cookies', 'queue_full', 'accept_full'] as const;

/** The columns of the table of counts. */
export const COUNT_COLUMNS: readonly string[] = [
  'time_s',
  'half_open',
  'peak',
  ...COUNTED.map((name) => `${name}_per_s`),
];

/** Format a figure for gnuplot, R and awk. NaN makes a gap in the drawn line. */
function number(value: number | undefined): string {
  return value === undefined || Number.isNaN(value) ? 'NaN' : String(Math.round(value * 1e6) / 1e6);
}

/** Return one connection as a table, with a blank line between epochs. */
export function sampleTable(name: string, series: Downsampled<Sample>, unit: SrttUnit): string {
  const lines = [
    `${OUR_MARK}: ${name}: ${series.kept('snd_cwnd, ssthresh and srtt')}`,
    `# time_s snd_cwnd_segments ssthresh_segments ${unit.column}`,
  ];
  let epoch = series.items[0]?.epoch;
  for (const sample of series.items) {
    if (sample.epoch !== epoch) {
      epoch = sample.epoch;
      lines.push('');
    }
    const { time, cwnd, ssthresh, srtt } = sample;
    lines.push(`${time.toFixed(9)} ${cwnd} ${number(ssthresh)} ${number(srtt * unit.factor)}`);
  }
  return `${lines.join('\n')}\n`;
}

/** Return the counts as a table, and the columns of rates that are not always 0. */
export function countTable(counts: Downsampled<CountPoint>): {
  readonly text: string;
  readonly rates: string[];
} {
  const lines = [
    `${OUR_MARK}: half-open connections: ${counts.kept('half_open and peak')}`,
    `# ${COUNT_COLUMNS.join(' ')}`,
  ];
  const rates = new Set<string>();
  let before: CountPoint | null = null;
  for (const count of counts.items) {
    if (before !== null && before.epoch !== count.epoch) {
      lines.push('');
      before = null;
    }
    const { time, figures } = count;
    const seconds = time - (before?.time ?? time);
    const grown = COUNTED.map((name) => {
      const growth = growthOf(name, before?.figures, figures) ?? Number.NaN;
      if (growth > 0 && seconds > 0) {
        rates.add(`${name}_per_s`);
      }
      return number(seconds > 0 ? growth / seconds : Number.NaN);
    });
    lines.push(
      [time.toFixed(9), number(figures.half_open), number(figures.peak ?? figures.half_open)]
        .concat(grown)
        .join(' '),
    );
    before = count;
  }
  return {
    text: `${lines.join('\n')}\n`,
    rates: COUNT_COLUMNS.filter((name) => rates.has(name)),
  };
}

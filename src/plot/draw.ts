import { basename } from 'node:path';
import type { Recording } from '../aggregate/recording.js';
import { replace } from '../replace.js';
import type { SrttUnit } from '../stream/srtt.js';
import type { Host } from '../terminal/host.js';
import { count } from '../terminal/text.js';
import { labelsOf } from '../views/plot/recording.js';
import { runGnuplot } from './gnuplot.js';
import type { Products } from './products.js';
import { gnuplotScript, type PlotPicture } from './script.js';
import { COUNT_COLUMNS, countTable, sampleTable } from './tables.js';

export interface Drawing {
  /** The name of the recording, for the title. */
  readonly name: string;
  readonly format: 'png' | 'svg';
  /** Number of connections, the busiest first. */
  readonly connections: number;
  readonly unit: SrttUnit;
}

export interface Drawn {
  readonly picture: string;
  readonly script: string;
  readonly data: readonly string[];
  /** Output of gnuplot; usually ''. */
  readonly said: string;
}

/** Write the data and the script, and let gnuplot draw the picture. */
export async function draw(
  recording: Recording,
  drawing: Drawing,
  products: Products,
  onExit: Host['onExit'],
): Promise<Drawn> {
  const { unit } = drawing;
  const shown = recording.connections.sorted().slice(0, drawing.connections);
  const labels = labelsOf(shown);
  const data: string[] = [];
  const tables = new Map<string, string>();
  const put = async (path: string, text: string) => {
    await replace(path, text);
    data.push(path);
    tables.set(basename(path), text);
  };
  for (const [i, { series }] of shown.entries()) {
    await put(products.connection(i + 1), sampleTable(labels[i] ?? '', series, unit));
  }
  await products.removeFrom(shown.length + 1);
  const counts = recording.counts.added > 0 ? countTable(recording.counts) : null;
  if (counts !== null) {
    await put(products.counts, counts.text);
  }
  const plot: PlotPicture = {
    title: titleOf(recording, drawing),
    output: basename(products.picture),
    format: drawing.format,
    curves: shown.map(({ series: { items } }, i) => ({
      file: basename(products.connection(i + 1)),
      label: labels[i] ?? '',
      hasSsthresh: items.some(({ ssthresh }) => !Number.isNaN(ssthresh)),
      hasSrtt: items.some(({ srtt }) => !Number.isNaN(srtt)),
    })),
    srttLabel: `srtt (${unit.words})`,
    counts:
      counts === null
        ? null
        : { file: basename(products.counts), columns: COUNT_COLUMNS, rates: counts.rates },
    highest: {
      cwnd: highest(shown.flatMap(({ series: { items } }) => items.map(({ cwnd }) => cwnd))),
      srtt: highest(shown.flatMap(({ series: { items } }) => items.map(({ srtt }) => srtt))),
      halfOpen: highest(
        recording.counts.items.flatMap(({ figures: { half_open, peak } }) => [half_open, peak]),
      ),
    },
    from: recording.first,
    to: recording.last,
    timeLabel: timeLabel(recording),
  };
  await replace(products.script, gnuplotScript(plot));
  // Include the tables: another user might replace their files.
  const whole = gnuplotScript(plot, tables);
  const said = await runGnuplot(whole, products.script, products.picture, onExit);
  return { picture: products.picture, script: products.script, data, said };
}

function highest(values: readonly (number | undefined)[]): number {
  return values.reduce((high: number, value) => ((value ?? 0) > high ? (value ?? 0) : high), 0);
}

function titleOf({ connections, lost }: Recording, drawing: Drawing): string {
  const all = connections.size + connections.forgotten;
  return [
    basename(drawing.name).replace(/\p{Cc}/gu, '?'),
    ...(all > drawing.connections
      ? [`the busiest ${drawing.connections} of ${all} connections`]
      : []),
    ...(lost > 0 ? [`${count(lost, 'sample')} lost when it was recorded`] : []),
  ].join(',  ');
}

function timeLabel({ clock }: Recording): string {
  const start = clock.date(0)?.toISOString().replace('T', ' ').replace('Z', ' UTC');
  return start === undefined ? 'time (s)' : `time (s) since ${start}`;
}

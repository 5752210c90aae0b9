/** A connection's lines in a picture. */
interface Curve {
  /** The file beside the script with its points: time, cwnd, ssthresh, srtt. */
  readonly file: string;
  readonly label: string;
  /** Whether a column holds a number: gnuplot complains about a column without numbers. */
  readonly hasSsthresh: boolean;
  readonly hasSrtt: boolean;
}

/** The content of a picture. */
export interface PlotPicture {
  readonly title: string;
  /** Name of the picture's file, in the folder of the script. */
  readonly output: string;
  readonly format: 'png' | 'svg';
  readonly curves: readonly Curve[];
  readonly srttLabel: string;
  /** Half-opens over time, and the columns of rates to draw; null without counts. */
  readonly counts: {
    readonly file: string;
    readonly columns: readonly string[];
    readonly rates: readonly string[];
  } | null;
  /** The highest value of each panel. */
  readonly highest: { readonly cwnd: number; readonly srtt: number; readonly halfOpen: number };
  /** The time axis: its ends in seconds, and a label for its 0. */
  readonly from: number;
  readonly to: number;
  readonly timeLabel: string;
}

/** The first words of every file of a plot, which identify it later. */
export const OUR_MARK = '# tcpsynq plot';

/**
 * One for each connection. The first eight are those of Okabe and Ito, with a darker yellow:
 * readers who see few colours can distinguish them.
 */
const COLOURS = [
  '#0072b2',
  '#d55e00',
  '#009e73',
  '#cc79a7',
  '#e69f00',
  '#56b4e9',
  '#000000',
  '#b8a800',
  '#7f3c8d',
  '#11a579',
  '#8b4513',
  '#4b4b8f',
  '#a50026',
  '#80ba5a',
  '#636363',
  '#f97b72',
];

const WIDTH = 1200;
const PANEL = 320;
const LEGEND_LINE = 20;

/** Quote a text as a gnuplot string, in which no character is special. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

type Tables = ReadonlyMap<string, string>;

/**
 * Return the script. It finds its data, and puts the picture, in its own folder.
 *
 * @param tables texts of data files, by file name; the script includes these instead of reading the
 *   files
 */
export function gnuplotScript(picture: PlotPicture, tables: Tables = new Map()): string {
  const names = new Map([...tables.keys()].map((file, i) => [file, `$table${i + 1}`]));
  const panels = panelsOf(picture, (file) => names.get(file) ?? `here.${quoted(file)}`);
  const legend = (legendLines(picture) + 1) * LEGEND_LINE;
  const height = 60 + legend + PANEL * panels.length;
  const top = 1 - (40 + legend) / height;
  const bottom = 60 / height;
  const terminal =
    picture.format === 'png'
      ? `pngcairo size ${WIDTH},${height} font 'sans,11'`
      : `svg size ${WIDTH},${height} font 'sans,13' background 'white'`;
  const colours = COLOURS.slice(0, Math.max(picture.curves.length, 8)).map(
    (colour, i) => `set linetype ${i + 1} lc rgb '${colour}'`,
  );
  const blocks = panels.map(({ label, highest, plots, key }, i) => {
    const last = i === panels.length - 1;
    return [
      '',
      `set ylabel ${quoted(label)} noenhanced`,
      // Gnuplot complains if all values are 0.
      `set yrange [0:${highest > 0 ? '*' : '1'}]`,
      ...(key === 'above'
        ? [`set key at screen 0.075, ${round(1 - 36 / height)} left top vertical maxrows 40`]
        : key === 'inside'
          ? ['set key at graph 0.995, 0.98 right top horizontal']
          : ['unset key']),
      ...(last ? [`set xlabel ${quoted(picture.timeLabel)}`, "set format x '%g'"] : []),
      `plot ${plots.join(', \\\n     ')}`,
    ];
  });
  return [
    `${OUR_MARK}: draws ${picture.output} from the data beside it: gnuplot ${picture.output.replace(/\.\w+$/, '.gp')}`,
    '',
    '# The folder of this script.',
    // Write each statement on one line: from a pipe, gnuplot does not accept a block of several
    // lines.
    "if (!exists('here')) here = ARG0",
    "while (strlen(here) > 0 && here[strlen(here):*] ne '/') { here = here[1:strlen(here) - 1] }",
    // Prefix ./ if there is no folder: gnuplot would run a name that begins with < or | as a
    // command.
    "if (here eq '') here = './'",
    `if (!exists('picture')) picture = here.${quoted(picture.output)}`,
    '',
    ...[...tables].map(([file, text]) => `${names.get(file)} << EOD\n${text}EOD`),
    `set terminal ${terminal}`,
    "if (picture ne '') set output picture",
    'set encoding utf8',
    ...colours,
    'set border 3',
    'set tics nomirror',
    "set grid lt 1 lw 0.5 lc rgb '#dddddd'",
    'set key noenhanced samplen 2 reverse Left',
    `set xrange [${picture.from}:${picture.to > picture.from ? picture.to : picture.from + 1}]`,
    "set format x ''",
    `set multiplot layout ${panels.length},1 margins screen 0.075,0.985,${round(bottom)},${round(top)} spacing screen ${round(24 / height)} title ${quoted(picture.title)} noenhanced`,
    ...blocks.flat(),
    '',
    'unset multiplot',
    '',
  ].join('\n');
}

function round(share: number): string {
  return share.toFixed(4);
}

interface Panel {
  readonly label: string;
  /** The highest value to show. */
  readonly highest: number;
  readonly plots: readonly string[];
  readonly key: 'above' | 'inside' | 'none';
}

/** Return the number of lines of the legend above the panels. */
function legendLines({ curves }: PlotPicture): number {
  return curves.length === 0 ? 0 : curves.length + (someSsthresh(curves) ? 1 : 0);
}

function someSsthresh(curves: readonly Curve[]): boolean {
  return curves.some(({ hasSsthresh }) => hasSsthresh);
}

function panelsOf(
  { curves, srttLabel, counts, highest }: PlotPicture,
  source: (file: string) => string,
): Panel[] {
  const panels: Panel[] = [];
  const cwnd = curves.flatMap(({ file, label, hasSsthresh }, i) => [
    `${source(file)} using 1:2 with steps lt ${i + 1} lw 1.5 title ${quoted(label)}`,
    ...(hasSsthresh
      ? [`${source(file)} using 1:3 with steps lt ${i + 1} lw 1.2 dt (6,4) notitle`]
      : []),
  ]);
  if (cwnd.length > 0) {
    if (someSsthresh(curves)) {
      cwnd.push("NaN with lines lc rgb '#444444' dt (6,4) title 'ssthresh: dashed, same colour'");
    }
    panels.push({
      label: someSsthresh(curves) ? 'cwnd, ssthresh (segments)' : 'cwnd (segments)',
      highest: highest.cwnd,
      plots: cwnd,
      key: 'above',
    });
  }
  const trips = curves.flatMap(({ file, hasSrtt }, i) =>
    hasSrtt ? [`${source(file)} using 1:4 with lines lt ${i + 1} lw 1.2 notitle`] : [],
  );
  if (trips.length > 0) {
    panels.push({ label: srttLabel, highest: highest.srtt, plots: trips, key: 'none' });
  }
  if (counts !== null) {
    const column = (name: string) => counts.columns.indexOf(name) + 1;
    panels.push({
      label: 'half-open (connections)',
      highest: highest.halfOpen,
      plots: [
        `${source(counts.file)} using 1:${column('peak')} with steps lc rgb '#56b4e9' lw 1 title 'peak since the count before'`,
        `${source(counts.file)} using 1:${column('half_open')} with steps lc rgb '#0072b2' lw 1.5 title 'half-open'`,
      ],
      key: 'inside',
    });
    if (counts.rates.length > 0) {
      panels.push({
        label: 'connections per second',
        highest: 1,
        plots: counts.rates.map(
          (rate, i) =>
            `${source(counts.file)} using 1:${column(rate)} with steps lt ${i + 1} lw 1.2 title ${quoted(rate.replace(/_per_s$/, ''))}`,
        ),
        key: 'inside',
      });
    }
  }
  return panels;
}

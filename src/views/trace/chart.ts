import type { Sample } from '../../aggregate/connections.js';
import type { Traced } from '../../aggregate/trace.js';
import type { SrttUnit } from '../../stream/srtt.js';
import { type Frame, hintLine, type Size, titleLine } from '../../terminal/frame.js';
import { column, table } from '../../terminal/table.js';
import { flowed, type Line, printable, rate, seconds, whole } from '../../terminal/text.js';
import { connectionCharts, inUnit } from './connections.js';

/** A connection to show. */
export interface ShownTrace
  extends Pick<Traced, 'id' | 'local' | 'remote' | 'latest' | 'others' | 'rate'> {
  readonly series: { readonly items: readonly Sample[] };
}

/** The content of the screen of `trace`. */
export interface TraceScene {
  readonly frame: Frame;
  /** The connections, the busiest first. */
  readonly connections: readonly ShownTrace[];
  /** The connection with charts, and the one selected by the keys. */
  readonly charted: ShownTrace | null;
  readonly marked: ShownTrace | null;
  readonly unit: SrttUnit;
  /** Seconds shown, up to `now`; null for all. */
  readonly span: number | null;
  readonly now: number;
  readonly edge: 'now' | 'end';
  readonly lost: number;
  readonly forgotten: number;
}

const GAP = '   ';
const LOWEST_CHARTS = 6;

/** Draw the screen as at most `rows` lines; the caller cuts them at `columns`. */
export function drawTrace(scene: TraceScene, size: Size): Line[] {
  const { connections, charted, frame } = scene;
  const title = titleLine(frame, size.columns);
  const hint = hintLine(frame, size.columns);
  if (charted === null) {
    const middle = new Array<Line>(Math.max(0, size.rows - 3)).fill([]);
    const waiting: Line = [{ text: 'waiting for the first sample', look: 'warn' }];
    return [title, waiting, ...middle, hint].slice(0, size.rows);
  }
  const many = connections.length > 1;
  const wanted = many
    ? Math.min(connections.length + 1, Math.max(4, Math.floor(size.rows / 3)))
    : 0;
  const head = headLines(charted, scene, size.columns);
  // On a low terminal, the parts that are taken last here are omitted first.
  let room = size.rows - LOWEST_CHARTS - 1;
  const take = (lines: number) => {
    const granted = Math.max(0, Math.min(lines, room));
    room -= granted;
    return granted;
  };
  const hints = take(1);
  const heads = 1 + take(head.length - 1);
  const below = take(wanted);
  const titles = take(1);
  const listed = below >= 2 ? listLines(scene, { columns: size.columns, rows: below }) : [];
  const rows = size.rows - heads - hints - titles - listed.length;
  const to = scene.now;
  const first = charted.series.items[0]?.time ?? to;
  const from = scene.span === null ? first : to - scene.span;
  return [
    ...(titles > 0 ? [title] : []),
    ...head.slice(0, heads),
    ...connectionCharts(charted.series.items, { from, to, edge: scene.edge }, scene.unit, {
      columns: size.columns,
      rows,
    }),
    ...listed,
    ...(hints > 0 ? [hint] : []),
  ].slice(0, size.rows);
}

/** Return the facts about a connection, on as many lines as they need. */
function headLines(connection: ShownTrace, scene: TraceScene, columns: number): Line[] {
  const { latest, others, local, remote } = connection;
  const cells: Line[] = [
    [{ text: `${printable(local)} → ${printable(remote)}`, look: 'bold' }],
    ...(others.ca_name === undefined ? [] : [[printable(others.ca_name)]]),
    ['cwnd ', { text: amount(latest?.cwnd), look: 'bold' }],
    [`ssthresh ${amount(latest?.ssthresh)}`],
    ['srtt ', { text: srttWords(latest?.srtt ?? Number.NaN, scene.unit), look: 'bold' }],
    ...(others.retrans === undefined ? [] : [[`retrans ${printable(others.retrans)}`]]),
    [`sampled ${rate(connection.rate, true)}/s`],
    ...(scene.lost > 0
      ? [[{ text: `lost ${whole(scene.lost, true)}`, look: 'warn' } as const]]
      : []),
    ...(scene.forgotten > 0 ? [[`forgotten ${whole(scene.forgotten, true)}`]] : []),
  ];
  return flowed(cells, GAP, columns);
}

function amount(value: number | undefined): string {
  return value === undefined || Number.isNaN(value) ? '-' : whole(value, true);
}

function srttWords(value: number, unit: SrttUnit): string {
  return Number.isNaN(value) ? '-' : `${inUnit(value, unit.factor)} ${unit.words}`;
}

/** List the connections; if there is not room for all, list those around the marked one. */
function listLines(scene: TraceScene, size: Size): Line[] {
  const { connections, marked, charted, unit } = scene;
  const fits = size.rows - 1;
  const at = Math.max(0, marked === null ? 0 : connections.indexOf(marked));
  const start = Math.max(0, Math.min(at - Math.floor(fits / 2), connections.length - fits));
  const shown = connections.slice(start, start + fits);
  const sign = (one: ShownTrace) => `${one === marked ? '>' : ' '}${one === charted ? '*' : ' '}`;
  const { lines } = table(
    [
      column(
        `  CONNECTION (${connections.length})`,
        shown,
        (one) => `${sign(one)}${printable(one.local)} → ${printable(one.remote)}`,
        'left',
      ),
      column('CWND', shown, ({ latest }) => amount(latest?.cwnd)),
      column(`SRTT (${unit.words})`, shown, ({ latest }) =>
        inUnit(latest?.srtt ?? Number.NaN, unit.factor),
      ),
      column('/s', shown, ({ rate: perSecond }) => rate(perSecond, true)),
      column('SSTHRESH', shown, ({ latest }) => amount(latest?.ssthresh)),
      column('RETRANS', shown, ({ others }) => printable(others.retrans ?? '-')),
      column(
        'LAST SEEN',
        shown,
        ({ latest }) => `${seconds(Math.max(0, scene.now - (latest?.time ?? 0)))} ago`,
      ),
    ],
    size.columns,
  );
  return lines.map((line, i) => [
    { text: line, look: i === 0 ? 'dim' : shown[i - 1] === marked ? 'bold' : 'dim' },
  ]);
}

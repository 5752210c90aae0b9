import { endings, type SessionView } from '../../aggregate/session.js';
import { byFullness, fullness, type Listener } from '../../proc/listeners.js';
import { type Counters, OUTCOMES } from '../../stream/counters.js';
import { type Frame, hintLine, type Size, titleLine } from '../../terminal/frame.js';
import { plot, timeAxis } from '../../terminal/line-chart.js';
import { pairs } from '../../terminal/table.js';
import {
  bar,
  type Line,
  type Look,
  percent,
  printable,
  rate,
  type Span,
  seconds,
  whole,
  widthOf,
  wrap,
} from '../../terminal/text.js';
import { columnsOf } from './series.js';

/** The content of the live screen. */
export interface WatchScene extends Pick<Frame, 'title' | 'clock' | 'paused'> {
  readonly view: SessionView;
  /** Null if not known. */
  readonly listeners: readonly Listener[] | null;
  /** Seconds shown; null for all. */
  readonly span: number | null;
  /** The label of the right edge. */
  readonly edge: 'now' | 'end';
  /** Whether to show all listeners, not only the fullest. */
  readonly expanded: boolean;
  /** A message in place of figures, while there are none; else null. */
  readonly waiting: string | null;
  readonly keys: boolean;
  /** Facts that the source cannot know, in words. */
  readonly notKnown: readonly string[];
}

interface Cell {
  readonly label: string;
  readonly value: string;
  readonly look?: Look;
}

const GAP = '   ';
const SMALLEST_CHART = 4;
/** Below this many columns, gaps are smaller. */
const NARROW = 60;

/** Draw the screen as at most `rows` lines; the caller cuts them at `columns`. */
export function drawWatch(scene: WatchScene, size: Size): Line[] {
  const frame = frameOf(scene);
  const title = titleLine(frame, size.columns);
  const head = grid(cellsOf(scene), size.columns);
  const below = belowChart(scene, size);
  const hint = hintLine(frame, size.columns);
  // On a low terminal, the parts that are taken last here are omitted first.
  const room = size.rows - SMALLEST_CHART - 1;
  let used = Math.min(head.length, Math.max(room, 1));
  const take = (wanted: number) => {
    const granted = Math.max(0, Math.min(wanted, room - used));
    used += granted;
    return granted;
  };
  const headShown = head.slice(0, used);
  const hints = take(1);
  const titles = take(1);
  const belowShown = below.slice(0, take(below.length));
  const chart = chartLines(scene, { columns: size.columns, rows: size.rows - used });
  return [
    ...(titles > 0 ? [title] : []),
    ...headShown,
    ...chart,
    ...belowShown,
    ...(hints > 0 ? [hint] : []),
  ].slice(0, size.rows);
}

function frameOf({ title, clock, paused, keys, listeners }: WatchScene): Frame {
  const hints = ['q quit', paused ? 'p go on' : 'p pause', '+/- span'];
  return {
    name: 'tcpsynq watch',
    title,
    clock,
    paused,
    keys: keys ? [...hints, ...(listeners === null ? [] : ['l listeners'])] : null,
  };
}

function cellsOf({ view, waiting }: WatchScene): Cell[] {
  const { latest, rates, totals } = view;
  if (waiting !== null || latest === null) {
    return [{ label: waiting ?? 'waiting for the first count', value: '', look: 'warn' }];
  }
  const cells: Cell[] = [
    { label: 'half-open', value: amount(latest.figures.half_open), look: 'bold' },
    { label: 'peak', value: amount(view.peak) },
    { label: 'change', value: perSecond(rates.net, true) },
  ];
  cells.push(...outcomeCells(latest.figures, view));
  if (latest.figures.cookies !== undefined) {
    cells.push({ label: 'cookies', value: perSecond(rates.cookies) });
  }
  cells.push({ label: 'refused', value: perSecond(rates.refused), look: 'bad' });
  for (const name of ['missed', 'lost'] as const) {
    if ((totals[name] ?? 0) > 0) {
      cells.push({ label: name, value: amount(totals[name]), look: 'warn' });
    }
  }
  return cells;
}

/** Return a cell for each outcome that is always shown, or was counted. */
function outcomeCells(figures: Counters, { rates, totals }: SessionView): Cell[] {
  const cells: Cell[] = [];
  const looks: Partial<Record<string, Look>> = { completed: 'good', expired: 'bad' };
  for (const outcome of OUTCOMES) {
    const known = figures[outcome] !== undefined;
    const always = outcome === 'completed' || outcome === 'expired' || outcome === 'reset';
    if (known && (always || (totals[outcome] ?? 0) > 0)) {
      const look = looks[outcome];
      cells.push({
        label: outcome,
        value: perSecond(rates[outcome]),
        ...(look === undefined ? {} : { look }),
      });
    }
  }
  return cells;
}

function amount(value: number | undefined): string {
  return (value === undefined ? '-' : whole(value, true)).padStart(9);
}

function perSecond(value: number | undefined, signed = false): string {
  const sign = signed && value !== undefined && value > 0 ? '+' : '';
  return (value === undefined ? '-' : `${sign}${rate(value, true)}/s`).padStart(9);
}

/** Arrange cells on one line if they fit, else in columns. */
function grid(cells: readonly Cell[], columns: number): Line[] {
  const spans = (cell: Cell, width: number): Span[] => {
    const value: Span =
      cell.look === undefined || !/[1-9]/.test(cell.value)
        ? cell.value
        : { text: cell.value, look: cell.look };
    return cell.value === ''
      ? [{ text: cell.label, look: cell.look ?? 'bold' }]
      : [cell.label.padEnd(width), ' ', value];
  };
  const single = cells.flatMap((cell, i) => [i === 0 ? '' : GAP, ...spans(cell, 0)]);
  if (widthOf(single) <= columns) {
    return [single];
  }
  const labelWidth = Math.max(...cells.map(({ label }) => label.length));
  const cellWidth = labelWidth + 1 + Math.max(...cells.map(({ value }) => value.length));
  const gap = columns < NARROW ? '  ' : GAP;
  const perLine = Math.max(1, Math.floor((columns + gap.length) / (cellWidth + gap.length)));
  const lines: Line[] = [];
  for (let i = 0; i < cells.length; i += perLine) {
    lines.push(
      cells
        .slice(i, i + perLine)
        .flatMap((cell, j) => [j === 0 ? '' : gap, ...spans(cell, labelWidth)]),
    );
  }
  return lines;
}

function chartLines(scene: WatchScene, size: Size): Line[] {
  const { points } = scene.view;
  const first = points[0];
  const last = points.at(-1);
  if (first === undefined || last === undefined) {
    return blank(size.rows);
  }
  const span = scene.span ?? Math.max(1, last.time - first.time);
  const shown = points.filter((point) => point.time >= last.time - span);
  let [low, high] = [0, 0];
  for (const point of shown) {
    low = Math.min(low, point.high);
    high = Math.max(high, point.high);
  }
  const chart = plot(
    (room) => columnsOf(points, span, last.time, Math.max(room, 0)),
    { low, high },
    { width: size.columns, height: size.rows - 1 },
    (value) => whole(value, true),
  );
  if (chart === null) {
    return blank(size.rows);
  }
  const axis = timeAxis(chart.offset, size.columns, seconds(span), seconds(span / 2), scene.edge);
  return [...chart.lines.map((line) => [line]), [{ text: axis, look: 'dim' }]];
}

function blank(rows: number): Line[] {
  return new Array<Line>(Math.max(0, rows)).fill([]);
}

function belowChart(scene: WatchScene, size: Size): Line[] {
  const lines: Line[] = [];
  if (scene.listeners !== null && scene.waiting === null) {
    lines.push(...listenerLines(scene.listeners, scene.expanded, size));
  }
  const words = shareWords(scene, size.columns);
  if (words !== null) {
    lines.push([words]);
  } else if (scene.notKnown.length > 0) {
    // The full text is also on stderr.
    const [first = '', ...more] = wrap(
      `not known here: ${scene.notKnown.join(', ')}`,
      size.columns - 2,
    );
    lines.push([{ text: more.length === 0 ? first : `${first} …`, look: 'dim' }]);
  }
  return lines;
}

/**
 * Return a line for the fullest listener; if `expanded`, lines for as many as fit on half the
 * screen.
 */
function listenerLines(listeners: readonly Listener[], expanded: boolean, size: Size): Line[] {
  const lines: Line[] = [];
  const sorted = [...listeners].sort(byFullness);
  const most = expanded ? Math.max(3, Math.floor(size.rows / 2) - 3) : 1;
  const top = sorted.slice(0, most);
  const width = Math.max(0, ...top.map(({ local }) => local.length));
  const queues = pairs(top.map(({ qlen, holds }) => [qlen, holds]));
  for (const [i, listener] of top.entries()) {
    const prefix = i > 0 ? '         ' : expanded ? 'queues   ' : 'fullest  ';
    const name = `${printable(listener.local).padEnd(width)}  ${queues[i]}`;
    lines.push(listenerLine(prefix, name, listener, size.columns));
  }
  if (expanded && sorted.length > top.length) {
    lines.push([`         and ${sorted.length - top.length} more: tcpsynq listeners`]);
  }
  if (top.length === 0) {
    lines.push(['no listeners']);
  }
  return lines;
}

/** @param name address and queue, aligned with the other lines */
function listenerLine(prefix: string, name: string, listener: Listener, columns: number): Line {
  const share = fullness(listener);
  const words = share === null ? 'cookies only' : percent(share).padStart(5);
  const accept = `${GAP}accept ${whole(listener.accept_qlen, true)} / ${whole(listener.backlog, true)}`;
  const long = `${prefix}${name}  `;
  const start = long.length + words.length <= columns ? long : `${name} `;
  const look: Look = (share ?? 0) >= 0.9 ? 'bad' : (share ?? 0) >= 0.5 ? 'warn' : 'good';
  const room = columns - start.length - words.length - 1;
  const barWidth = share === null ? 0 : Math.min(24, room - accept.length);
  if (barWidth >= 8) {
    return [start, { text: bar(share ?? 0, barWidth), look }, ` ${words}`, accept];
  }
  return room >= 9 && share !== null
    ? [start, { text: bar(share, Math.min(24, room)), look }, ` ${words}`]
    : [start, words];
}

/** Return the outcomes within the span, as many as fit. */
function shareWords({ view, span }: WatchScene, columns: number): string | null {
  const ends = endings(view, span ?? Number.POSITIVE_INFINITY);
  if (ends === null || ends.ended <= 0) {
    return null;
  }
  const shares = OUTCOMES.map((outcome) => ({
    outcome,
    share: (ends.by[outcome] ?? 0) / ends.ended,
  }))
    .filter(({ share }) => share > 0)
    .sort((a, b) => b.share - a.share);
  let words = `ended in ${seconds(Math.round(ends.seconds))}: ${whole(ends.ended, true)}`;
  for (const { outcome, share } of shares) {
    const longer = `${words}, ${percent(share)} ${outcome}`;
    if (longer.length > columns) {
      break;
    }
    words = longer;
  }
  return words;
}

import type { Tally, TallyGroup } from '../../aggregate/tally.js';
import { HyperLogLog } from '../../sketch/hyperloglog.js';
import { OUTCOMES } from '../../stream/counters.js';
import { type Frame, framed, type Size } from '../../terminal/frame.js';
import { type Column, column, table } from '../../terminal/table.js';
import { type Line, percent, printable, rate, seconds, whole } from '../../terminal/text.js';

/** The content of `events --top`: the figures at one moment. */
export type Top = ReturnType<typeof topOf>;

/**
 * Return the top sources and listeners of a tally.
 *
 * @param halfOpen number of half-opens in the whole namespace; null if not known
 * @param rows maximum number of sources, and of listeners
 */
export function topOf(tally: Tally, halfOpen: number | null, rows: number) {
  const { all, byRemovals, sources } = tally;
  return {
    seconds: tally.seconds,
    added: byRemovals ? null : all.added,
    removed: all.removed,
    outcomes: { ...all.outcomes },
    halfOpen,
    lost: tally.lost,
    sources: {
      total: sources.total,
      networks: sources.networks,
      exact: sources.exact,
      error: sources.error,
      top: sources.top(rows),
    },
    listeners: tally.listeners().slice(0, rows),
  };
}

/** Maximum error of the number of networks, as a share, in 997 of 1000 cases. */
export const NETWORKS_ERROR = 3 * HyperLogLog.ERROR;

/**
 * Return sources, listeners and outcomes as tables, each with the most important columns first.
 *
 * @param people whether people read it. If so, digits are grouped, and outcomes that did not occur
 *   are omitted. If not, numbers are plain, and rows and columns always the same.
 */
export function tablesOf(top: Top, people: boolean) {
  const number = (value: number | null) => (value === null ? '-' : whole(value, people));
  const share = (value: number, of: number) =>
    people ? percent(of > 0 ? value / of : 0) : (of > 0 ? value / of : 0).toFixed(4);
  const title = (text: string) => (people ? text.toUpperCase().replaceAll('_', ' ') : text);
  const { sources, listeners } = top;
  const counted = top.added === null ? 'removed' : 'added';
  const occurring = OUTCOMES.filter((outcome) => !people || top.outcomes[outcome] > 0);
  return {
    sources: [
      column(title('source'), sources.top, ({ key }) => printable(key), 'left'),
      column(title(counted), sources.top, ({ least }) => number(least)),
      column(title('share'), sources.top, ({ least }) => share(least, sources.total)),
      column(title('at_most'), sources.top, ({ most }) => number(most)),
    ],
    listeners: [
      column(title('listener'), listeners, nameOf, 'left'),
      column(title('queue'), listeners, ({ qlen, limit }) => `${number(qlen)}/${number(limit)}`),
      ...(top.added === null
        ? []
        : [column(title('added'), listeners, ({ added }) => number(added))]),
      column(title('removed'), listeners, ({ removed }) => number(removed)),
      ...occurring.map((outcome) =>
        column(title(outcome), listeners, ({ outcomes }) => number(outcomes[outcome])),
      ),
    ],
    outcomes: [
      column(title('outcome'), occurring, (outcome) => outcome, 'left'),
      column(title('removed'), occurring, (outcome) => number(top.outcomes[outcome])),
      column(title('share'), occurring, (outcome) => share(top.outcomes[outcome], top.removed)),
    ],
  };
}

/** Return the name of a listener in the tables. */
export function nameOf({ local }: TallyGroup): string {
  return local === null ? 'others' : printable(local);
}

/** Return the precision of the figures of sources, in one or two phrases. */
export function sureness({ sources }: Top, people: boolean): string[] {
  const number = (value: number) => whole(value, people);
  if (sources.exact) {
    return [
      `${number(sources.networks)} ${sources.networks === 1 ? 'network' : 'networks'}, counted exactly`,
    ];
  }
  const spread = (NETWORKS_ERROR * 100).toFixed(1);
  return [
    `some ${number(sources.networks)} networks (within ${spread} %)`,
    `counts too low by at most ${number(sources.error)}`,
  ];
}

/** Draw the screen of `events --top` as at most `rows` lines; the caller cuts them at `columns`. */
export function drawTop(top: Top, frame: Frame, size: Size): Line[] {
  const tables = tablesOf(top, true);
  const block = (columns: Column[], rows: number): Line[] => {
    const cut = columns.map((one) => ({ ...one, cells: one.cells.slice(0, rows) }));
    const [titles = '', ...lines] = table(cut, size.columns).lines;
    return [[{ text: titles, look: 'dim' }], ...lines.map((line) => [line])];
  };
  const phrases = sureness(top, true);
  const sure = phrases.join(', ').length <= size.columns ? [phrases.join(', ')] : phrases;
  // Title, figures, three rows of titles and the keys; the tables take the rest.
  const room = Math.max(0, size.rows - 6 - sure.length);
  const outcomes = Math.min(tables.outcomes[0]?.cells.length ?? 0, Math.ceil(room / 4));
  const listeners = Math.min(top.listeners.length, Math.ceil((room - outcomes) / 3));
  const sources = Math.max(0, room - outcomes - listeners);
  const lines: Line[] = [
    figuresLine(top, size.columns),
    ...block(tables.outcomes, outcomes),
    ...block(tables.listeners, listeners),
    ...block(tables.sources, sources),
    ...sure.map((text): Line => [{ text, look: top.sources.exact ? 'dim' : 'warn' }]),
  ];
  return framed(lines, frame, size);
}

/** Return the totals, in a fixed order, as many as fit. */
function figuresLine(top: Top, columns: number): Line {
  const perSecond = (value: number) =>
    top.seconds > 0 ? `, ${rate(value / top.seconds, true)}/s` : '';
  const parts = [
    ...(top.halfOpen === null ? [] : [`half-open ${whole(top.halfOpen, true)}`]),
    ...(top.lost === 0 ? [] : [`LOST ${whole(top.lost, true)}`]),
    ...(top.added === null ? [] : [`added ${whole(top.added, true)}${perSecond(top.added)}`]),
    `removed ${whole(top.removed, true)}${perSecond(top.removed)}`,
    `in ${seconds(top.seconds)}`,
  ];
  let text = '';
  for (const part of parts) {
    const longer = text === '' ? part : `${text}   ${part}`;
    if (longer.length > columns) {
      break;
    }
    text = longer;
  }
  return [{ text, look: top.lost > 0 ? 'warn' : 'bold' }];
}

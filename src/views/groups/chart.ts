import type { Alert } from '../../aggregate/alert.js';
import { cutTo, type Group, MOST_BESIDE, type Standing } from '../../aggregate/groups.js';
import type { Refused } from '../../aggregate/refusals.js';
import { type Frame, framed, type Size } from '../../terminal/frame.js';
import { type Column, column, table } from '../../terminal/table.js';
import {
  flowed,
  type Line,
  type Look,
  printable,
  rate,
  type Span,
  whole,
  wrap,
} from '../../terminal/text.js';

/** The content of a screen or table of groups. */
export interface GroupScene {
  /** The plural of the records: "drops". */
  readonly things: string;
  /** The names of the aspects of a group: of its key, and of those beside. */
  readonly keys: readonly string[];
  readonly beside: readonly string[];
  readonly standing: Standing;
  readonly lost: number;
  /** Null if not known, or not relevant. */
  readonly refused: Refused | null;
  /** The alert at a number of records per second; null without one. */
  readonly alert: Readonly<Pick<Alert, 'limit' | 'on' | 'reached'>> | null;
  /** Whether the user has stopped the counting. */
  readonly stopped: boolean;
}

const GAP = '   ';
/** Minimum characters of a key on the narrowest terminal. */
const SHORTEST_KEY = 8;

/**
 * Return the groups as a table, with the most important columns first.
 *
 * @param people whether people read it: digits are grouped and titles are in capitals; if not,
 *   plain words and always the same columns
 * @param columns width of the terminal, to which keys are cut
 */
function groupColumns(
  { things, keys, beside, standing }: GroupScene,
  people: boolean,
  columns = Number.POSITIVE_INFINITY,
): Column[] {
  const { groups, others, error } = standing;
  const hasOthers = others.total > 0;
  const perSecond = (value: number | null) => (value === null ? '-' : rate(value, people));
  const title = (text: string) => (people ? text.toUpperCase() : text);
  const rows = [...groups, ...(hasOthers ? [others] : [])];
  const numbers = [
    column(people ? '/s' : `${things}/s`, rows, (one) => perSecond(one.rate)),
    column(title('total'), rows, (one) => whole(one.total, people)),
  ];
  const atMost = column('at_most', rows, (one) =>
    String(one === others ? one.total : one.total + error),
  );
  const used = table(numbers).lines.reduce((most, line) => Math.max(most, line.length), 0);
  const room = Math.max(SHORTEST_KEY, columns - used - 2);
  const texts = (name: string, of: (group: Group) => string, last: string): Column => ({
    title: title(name),
    align: 'left',
    cells: [
      ...groups.map((group) => cut(printable(of(group)), room)),
      ...(hasOthers ? [last] : []),
    ],
  });
  return [
    ...numbers,
    ...keys.map((name, i) =>
      texts(name, (group) => group.keys[i] as string, i === 0 ? othersName(standing, people) : ''),
    ),
    ...beside.map((name, i) =>
      texts(name, (group) => several(group.beside[i] ?? [], name, people), people ? '' : '-'),
    ),
    ...(people ? [] : [atMost]),
  ];
}

function cut(text: string, room: number): string {
  const characters = [...text];
  return characters.length > room ? `${characters.slice(0, room - 1).join('')}…` : text;
}

function othersName({ left }: Standing, people: boolean): string {
  return people && left !== null ? `${whole(left, true)} more` : 'others';
}

/** Return the text if there is only one, else the number of texts. */
function several(texts: readonly string[], name: string, people: boolean): string {
  const [only = '-', ...more] = texts;
  if (more.length === 0) {
    return only;
  }
  const least = texts.length < MOST_BESIDE ? '' : '+';
  return `${texts.length}${least}${people ? ' ' : '_'}${name}s`;
}

/** Return the precision of the figures; nothing if they are exact. */
function sureness({ error }: Standing, people: boolean): string[] {
  return error === 0 ? [] : [`totals too low by at most ${whole(error, people)}`];
}

/**
 * Return plain lines: the table, then the totals after `#`.
 *
 * @param columns width of the terminal, if it is one
 */
export function groupLines(
  scene: GroupScene,
  time: string,
  columns = Number.POSITIVE_INFINITY,
): string[] {
  const { standing, lost, things, refused } = scene;
  const { all } = standing;
  const perSecond = (value: number | null) => (value === null ? '-' : rate(value, false));
  const words = [
    `${time} ${things} ${perSecond(all.rate)}/s`,
    `total ${all.total}`,
    `lost ${lost}`,
    ...sureness(standing, false),
    ...(refused === null
      ? []
      : [
          `not seen here: SYNs refused ${perSecond(refused.rate)}/s`,
          `${refused.total} in all (see listeners)`,
        ]),
  ];
  return [
    ...table(groupColumns(scene, false, columns), columns).lines,
    ...wrap(words.join(', '), columns - 2).map((line) => `# ${line}`),
  ];
}

/** Draw the screen as at most `rows` lines; the caller cuts them at `columns`. */
export function drawGroups(scene: GroupScene, frame: Frame, size: Size): Line[] {
  const figures = figureLines(scene, size.columns);
  const sure = sureness(scene.standing, true);
  // Three rows are for the title, the titles of the columns, and the keys.
  const room = Math.max(1, size.rows - 3 - figures.length - sure.length);
  const { groups, others } = scene.standing;
  const fits = groups.length + (others.total > 0 ? 1 : 0) <= room;
  const standing = fits ? scene.standing : cutTo(scene.standing, Math.max(1, room - 1));
  const columns = groupColumns({ ...scene, standing }, true, size.columns);
  const [titles = '', ...rows] = table(columns, size.columns).lines;
  const lines: Line[] = [
    ...figures,
    [{ text: titles, look: 'dim' }],
    ...rows.slice(0, room).map((row): Line => [row]),
    ...sure.map((text): Line => [{ text, look: 'warn' }]),
  ];
  return framed(lines, frame, size);
}

/** Return the totals, on as many lines as they need. */
function figureLines(scene: GroupScene, columns: number): Line[] {
  const { things, standing, lost, refused, alert, stopped } = scene;
  const { all } = standing;
  const perSecond = (value: number | null) => (value === null ? '-' : rate(value, true));
  const look = (text: string, how: Look): Span => ({ text, look: how });
  const parts: Span[] = [
    look(`${things} ${perSecond(all.rate)}/s`, alert?.on ? 'bad' : 'bold'),
    `total ${whole(all.total, true)}`,
    lost > 0 ? look(`LOST ${whole(lost, true)}`, 'warn') : 'lost 0',
  ];
  if (stopped) {
    parts.push(look('STOPPED', 'warn'));
  }
  if (alert?.on) {
    parts.push(look(`ALERT at ${whole(alert.limit, true)}/s`, 'bad'));
  } else if (alert?.reached) {
    parts.push(look(`alert at ${whole(alert.limit, true)}/s is over`, 'warn'));
  }
  if (refused !== null) {
    const now = `${perSecond(refused.rate)}/s`;
    const long = `not seen here: ${now} SYNs refused, ${whole(refused.total, true)} in all (see listeners)`;
    const short = `SYNs refused ${now} (see listeners)`;
    const text = long.length <= columns ? long : short;
    parts.push(refused.total > 0 ? look(text, 'warn') : text);
  }
  return flowed(
    parts.map((part) => [part]),
    GAP,
    columns,
  );
}

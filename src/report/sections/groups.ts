import { cutTo, type Group, type Groups, MOST_BESIDE } from '../../aggregate/groups.js';
import { percent, whole } from '../../terminal/text.js';
import { type Html, html } from '../html.js';
import { bar, column, table } from '../table.js';

/** Groups that have a row of their own. */
const MOST_ROWS = 30;

/** Records counted in groups, with a bar for each group's share. */
export function groupTable<R>(caption: string, { grouping, ...groups }: CountedGroup<R>): Html {
  const standing = cutTo(groups.standing, MOST_ROWS);
  const { all, others, error } = standing;
  const rest = { keys: ['others'], beside: [], ...others };
  const rows: Group[] = others.total > 0 ? [...standing.groups, rest] : [...standing.groups];
  const most = Math.max(...rows.map(({ total }) => total));
  return html`${table(caption, [
    ...grouping.keys.map(({ name }, i) =>
      column(titled(name), rows, ({ keys }) => keys[i] ?? '', 'left'),
    ),
    column('Total', rows, ({ total }) => whole(total, true)),
    column('Share', rows, ({ total }) => percent(total / all.total)),
    column('', rows, ({ total }) => bar(total / most), 'left'),
    ...grouping.beside.map(({ name }, i) =>
      column(titled(`${name}s`), rows, ({ beside }) => several(beside[i] ?? []), 'left'),
    ),
  ])}${error === 0 ? null : html`<p class="note">Totals too low by at most ${whole(error, true)}.</p>`}`;
}

/** What was counted, and how. */
interface CountedGroup<R> {
  readonly grouping: Groups<R>['grouping'];
  readonly standing: ReturnType<Groups<R>['standing']>;
}

function titled(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}

function several(texts: readonly string[]): string {
  return texts.length < MOST_BESIDE ? texts.join(', ') : `${texts.join(', ')} …`;
}

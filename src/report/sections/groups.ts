import { cutTo, type Group, type Groups, MOST_BESIDE } from '../../aggregate/groups.js';
import { column } from '../../terminal/table.js';
import { percent, whole } from '../../terminal/text.js';
import { type Html, html } from '../html.js';
import { type Context, missing, type Section } from '../section.js';
import { bar, table } from '../table.js';

/** Maximum groups with their own row. */
const MOST_ROWS = 30;

/** Show the closed connections, by cause. */
export function closesSection({ findings }: Context): Section {
  const { closes, ledger } = findings;
  const [id, heading] = ['closes', 'Closed connections'];
  if (closes.total === 0) {
    return missing(id, heading, findings, 'close', 'closes');
  }
  const body = html`${groupTable('Closes by cause', closes)}
<p class="note">${totalOf(closes, ledger.of('X').lost)}.</p>
`;
  return { id, heading, body, charts: [] };
}

/** Show the segments that the kernel dropped, by location. */
export function dropsSection({ findings }: Context): Section {
  const { drops, ledger } = findings;
  const [id, heading] = ['drops', 'Dropped segments'];
  if (drops.total === 0) {
    return missing(id, heading, findings, 'drop', 'drops');
  }
  const body = html`${groupTable('Drops by location', drops)}
<p class="note">${totalOf(drops, ledger.of('D').lost)}. SYNs refused for a full queue are not among them.</p>
`;
  return { id, heading, body, charts: [] };
}

function totalOf<R>({ total }: Groups<R>, lost: number): string {
  const more = lost > 0 ? `; ${whole(lost, true)} more were lost, and are in no row` : '';
  return `${whole(total, true)} in all${more}`;
}

/** Show records counted in groups, with a bar for each group's share. */
function groupTable<R>(caption: string, groups: Groups<R>): Html {
  const { grouping } = groups;
  const standing = cutTo(groups.standing(), MOST_ROWS);
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

function titled(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}

function several(texts: readonly string[]): string {
  return texts.length < MOST_BESIDE ? texts.join(', ') : `${texts.join(', ')} …`;
}

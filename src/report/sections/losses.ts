import { placed } from '../../stream/problems.js';
import { RECORDS } from '../../stream/schema.js';
import { column } from '../../terminal/table.js';
import { count, whole } from '../../terminal/text.js';
import { type Html, html } from '../html.js';
import { type Context, more, type Section } from '../section.js';
import { table } from '../table.js';

const NAMES: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(RECORDS).map(([kind, things]) => [kind, `${things} (${kind})`]),
);

/** Show the recorded and lost records, and the unreadable lines. */
export function lossesSection({ findings, cut }: Context): Section {
  const { ledger, others, lines, growths } = findings;
  const accounts = ledger.accounts();
  const { missed = 0 } = growths.totals;
  const body = html`${table('Recorded + lost = produced', [
    column('Kind', accounts, ({ kind }) => NAMES[kind] ?? 'not known', 'left'),
    column('Recorded', accounts, ({ recorded }) => whole(recorded, true)),
    column('Lost', accounts, ({ lost }) => whole(lost, true)),
    column('Produced', accounts, ({ recorded, lost }) => whole(recorded + lost, true)),
  ])}
<p class="note">Lost: what the reader who wrote the file had no room for, as its L lines say; what it lost after the last of them is not known.</p>
${missed === 0 ? null : html`<p class="warn">${count(missed, 'hooked call')} missed: the count may be off by as many.</p>`}
${cut === null ? null : html`<p class="warn">This is not all of it: ${cut}.</p>`}
${others === 0 ? null : html`<p class="note">${count(others, 'record')} of kinds that this version does not know.</p>`}
${problems(findings.problems)}
<p class="note">${whole(lines, true)} lines read.</p>
`;
  return { id: 'losses', heading: 'Losses and problems', body, charts: [] };
}

function problems({ count: all, first }: Context['findings']['problems']): Html {
  if (all === 0) {
    return html`<p class="none">Every line could be read.</p>`;
  }
  const rest = all - first.length;
  return html`<p class="warn">${count(all, 'line')} could not be read, and ${all === 1 ? 'is' : 'are'} in no figure here.</p>
${more(
  'Which lines',
  html`<ul>${first.map((problem) => html`<li>${placed(problem)}</li>`)}${rest > 0 ? html`<li>and ${count(rest, 'line')} more</li>` : null}</ul>`,
)}`;
}

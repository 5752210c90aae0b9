import { tooLittle } from '../../diagnose/collect.js';
import type { Evidence } from '../../diagnose/evidence.js';
import { judge, type Verdict } from '../../diagnose/rules.js';
import { hasSomething, report } from '../../diagnose/words.js';
import { column } from '../../terminal/table.js';
import { whole } from '../../terminal/text.js';
import { type Html, html } from '../html.js';
import { type Context, more, type Section, without } from '../section.js';
import { table } from '../table.js';

const [ID, HEADING] = ['verdict', 'Verdict'];
/** Maximum listeners in the table. */
const MOST_ROWS = 20;

const SEVERITIES: Readonly<Record<Verdict['severity'], string>> = {
  ok: 'nothing to do',
  warning: 'warning',
  critical: 'critical',
};

/** Show the verdict of `tcpsynq diagnose` on the capture, and its evidence. */
export function verdictSection({ findings: { collector }, name }: Context): Section {
  const why = tooLittle(collector, name);
  if (why !== null) {
    return without(ID, HEADING, `No verdict: ${why}`);
  }
  const evidence = collector.finish();
  const told = report(judge(evidence), evidence, { owners: [], enter: '' }, true);
  const { severity } = told.verdict;
  const { command, effect, wont } = told.advice;
  const body = html`<div class="verdict ${severity}">
<p class="headline">${told.headline}</p>
<p>${SEVERITIES[severity]}, by the rule “${told.verdict.worst.rule}”</p>
</div>
<dl class="advice">
<dt>Why</dt><dd><ul>${told.why.map((line) => html`<li>${line}</li>`)}</ul></dd>
<dt>Do</dt><dd>${command === null ? null : html`<code>${command}</code><br>`}${effect}</dd>
${wont === null ? null : html`<dt>Not</dt><dd>${wont}</dd>`}
</dl>
${listeners(evidence)}`;
  return { id: ID, heading: HEADING, body, charts: [] };
}

function listeners({ scopes }: Evidence): Html | null {
  const shown = scopes.filter(hasSomething).slice(0, MOST_ROWS);
  if (shown.length === 0) {
    return null;
  }
  const number = (value: number | undefined) => (value === undefined ? '-' : whole(value, true));
  const columns = [
    column('Listener', shown, ({ local }) => local ?? 'namespace', 'left'),
    column('Completed', shown, ({ completed }) => number(completed)),
    column('Unanswered', shown, ({ unanswered }) => number(unanswered)),
    column('Failed', shown, ({ failed }) => number(failed)),
    column('Cookies sent', shown, ({ cookies }) => number(cookies)),
    column('Came back', shown, ({ cookies_ok }) => number(cookies_ok)),
    column('Queue at most', shown, ({ queue }) => number(queue?.peak)),
    column('Holds', shown, ({ queue }) => number(queue?.holds)),
  ];
  return more('The evidence, listener by listener', table('Half-opens that were judged', columns));
}

import { whole } from '../../terminal/text.js';
import type { Context } from '../context.js';
import { html } from '../html.js';
import { missing, type Section } from '../section.js';
import { groupTable } from './groups.js';

const [ID, HEADING] = ['closes', 'Closed connections'];

/** Connections that were closed, by what ended them. */
export function closesSection({ findings }: Context): Section {
  const { closes, ledger } = findings;
  if (closes.total === 0) {
    return missing(ID, HEADING, findings, 'close', 'closes');
  }
  const { lost } = ledger.of('X');
  const body = html`${groupTable('Closes by cause', { grouping: closes.grouping, standing: closes.standing() })}
<p class="note">${whole(closes.total, true)} in all${lost > 0 ? `; ${whole(lost, true)} more were lost, and are in no row` : ''}.</p>
`;
  return { id: ID, heading: HEADING, body, charts: [] };
}

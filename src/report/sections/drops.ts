import { whole } from '../../terminal/text.js';
import type { Context } from '../context.js';
import { html } from '../html.js';
import { missing, type Section } from '../section.js';
import { groupTable } from './groups.js';

const [ID, HEADING] = ['drops', 'Dropped segments'];

/** Segments that the kernel dropped, by where. */
export function dropsSection({ findings }: Context): Section {
  const { drops, ledger } = findings;
  if (drops.total === 0) {
    return missing(ID, HEADING, findings, 'drop', 'drops');
  }
  const { lost } = ledger.of('D');
  const body = html`${groupTable('Drops by location', { grouping: drops.grouping, standing: drops.standing() })}
<p class="note">${whole(drops.total, true)} in all${lost > 0 ? `; ${whole(lost, true)} more were lost, and are in no row` : ''}. SYNs refused for a full queue are not among them.</p>
`;
  return { id: ID, heading: HEADING, body, charts: [] };
}

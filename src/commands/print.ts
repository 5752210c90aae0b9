import type { Problems } from '../stream/problems.js';
import { type Host, note } from '../terminal/host.js';
import { jsonLine } from '../terminal/printable.js';
import type { Column } from '../terminal/table.js';
import { count } from '../terminal/text.js';

/** Print a table. On a terminal, also report the columns for which there is no room. */
export async function printTable(host: Host, columns: readonly Column[]): Promise<void> {
  const { table } = await import('../terminal/table.js');
  const { lines, leftOut } = table(columns, host.out.tty ? host.out.columns : undefined);
  await host.out.write(`${lines.join('\n')}\n`);
  if (leftOut.length > 0) {
    await note(host, `no room for ${leftOut.join(', ')}: see a wider terminal, or --json`);
  }
}

/** Print one object on one line. */
export function printJson(host: Host, object: object): Promise<void> {
  return host.out.write(jsonLine(object));
}

/** Report the first unreadable line, and the number of others. */
export async function tellProblems(host: Host, problems: Problems): Promise<void> {
  if (problems.words !== null) {
    const others = problems.count > 1 ? `, and ${count(problems.count - 1, 'line')} more` : '';
    await note(host, `skipped ${problems.words}${others}`);
  }
}

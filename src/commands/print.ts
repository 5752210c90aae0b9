import { type Column, table } from '../chart/table.js';
import { type Host, note } from '../host.js';

/** Prints a table, and on a terminal says which columns there was no room for. */
export async function printTable(host: Host, columns: readonly Column[]): Promise<void> {
  const { lines, leftOut } = table(columns, host.out.tty ? host.out.columns : undefined);
  await host.out.write(`${lines.join('\n')}\n`);
  if (leftOut.length > 0) {
    await note(host, `no room for ${leftOut.join(', ')}: see a wider terminal, or --json`);
  }
}

/** Prints one object on one line. */
export function printJson(host: Host, object: object): Promise<void> {
  return host.out.write(`${JSON.stringify(object)}\n`);
}

import { CLOSE_GROUPINGS, CloseReader } from '../aggregate/close.js';
import { CAUSES } from '../stream/schema.js';
import type { Host } from '../terminal/host.js';
import { count, percent, seconds } from '../terminal/text.js';
import { closeForm } from '../views/closes/form.js';
import type { ClosesOptions } from './closes.options.js';
import { checkCounted, intervalOf, planCounted, type Seen } from './counted.js';
import { checkRecords, readRecords } from './records.js';

/** Run `tcpsynq closes`: show connections as they are closed, one by one or counted. */
export async function closes(host: Host, options: ClosesOptions): Promise<void> {
  const { by, stack, cause } = options;
  const each = by === undefined;
  checkRecords(options, 'closes');
  checkCounted(options, each);
  const reader = new CloseReader();
  const counts = new Map<string, number>();
  const filter = {
    kinds: 'count,close',
    interval_ms: intervalOf(options),
    stack: stack ? (1 as const) : undefined,
  };
  await readRecords(host, options, filter, (reading) =>
    planCounted(host, options, reading, {
      kind: 'close',
      each,
      form: closeForm(stack === true),
      groupings: CLOSE_GROUPINGS,
      withRefused: false,
      read: (row) => reader.read(row),
      wanted: (close) => cause === undefined || cause.some((one) => one === close.cause),
      taken(close) {
        const known = CAUSES.find((one) => one === close.cause) ?? 'other';
        counts.set(known, (counts.get(known) ?? 0) + 1);
      },
      summary: (seen) => summary(seen, counts),
    }),
  );
}

function summary(
  { records, seconds: length, lost }: Seen,
  counts: ReadonlyMap<string, number>,
): string {
  return [
    `${count(records, 'close')} in ${seconds(length)}`,
    ...CAUSES.filter((one) => counts.has(one)).map((one) => {
      const closed = counts.get(one) ?? 0;
      return `${one} ${closed} (${percent(closed / records)})`;
    }),
    ...(lost > 0 ? [`lost ${lost}`] : []),
  ].join(', ');
}

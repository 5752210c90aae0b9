import { DROP_GROUPINGS, DropReader } from '../aggregate/drop.js';
import { readStatus } from '../proc/module.js';
import { isLive } from '../source/input.js';
import type { Host } from '../terminal/host.js';
import { count, seconds } from '../terminal/text.js';
import { dropForm } from '../views/drops/form.js';
import { checkCounted, intervalOf, planCounted, type Seen } from './counted.js';
import type { DropsOptions } from './drops.options.js';
import { refuse } from './options.js';
import { checkRecords, readRecords } from './records.js';

/** Run `tcpsynq drops`: count dropped packets by location and reason, or show them one by one. */
export async function drops(host: Host, options: DropsOptions): Promise<void> {
  const { each = false, stack, proto, input } = options;
  checkRecords(options, 'drops');
  refuse({ '--each and --by exclude each other': each && options.by !== undefined });
  checkCounted(options, each);
  const reader = new DropReader();
  const filter = {
    kinds: 'count,drop',
    interval_ms: intervalOf(options),
    proto,
    stack: stack ? (1 as const) : undefined,
  };
  const onlyTcp = proto === 'tcp' && !isLive(input);
  await readRecords(host, options, filter, async (reading, namespace) => {
    const plan = planCounted(host, options, reading, {
      kind: 'drop',
      each,
      form: dropForm(stack === true),
      groupings: DROP_GROUPINGS,
      withRefused: true,
      read: (row) => reader.read(row),
      wanted: (drop) => !onlyTcp || drop.proto === 'tcp',
      summary,
    });
    const hooks = namespace === null ? [] : (await readStatus(namespace)).hooks;
    // The module reports figures of the whole host only to the host's own namespace.
    if (hooks.some(({ hits }) => hits === null)) {
      plan.view.note(
        "this is not the host's own namespace: drops whose socket the kernel does not tell (before Linux 6.11 nearly all that come in) are shown there only",
      );
    }
    return plan;
  });
}

function summary({ records, seconds: length, lost, refused, alert }: Seen): string {
  return [
    `${count(records, 'drop')} in ${seconds(length)}`,
    ...(lost > 0 ? [`lost ${lost}`] : []),
    ...(refused > 0 ? [`besides ${count(refused, 'SYN')} refused (see listeners)`] : []),
    ...(alert?.reached
      ? [`--alert ${alert.limit} was reached, at most ${Math.round(alert.most)}/s`]
      : []),
  ].join(', ');
}

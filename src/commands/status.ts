import { release } from 'node:os';
import { Failure } from '../failure.js';
import { type AuditVerdict, judgeDrift } from '../proc/audit.js';
import { readListeners, readParameters, readStat, readStatus } from '../proc/module.js';
import { type Namespace, openNamespace } from '../proc/namespace.js';
import { tallySockets } from '../proc/sockets.js';
import type { Hook, ModuleStatus } from '../proc/status.js';
import { duration, pause } from '../source/pace.js';
import type { Host } from '../terminal/host.js';
import { type Column, column } from '../terminal/table.js';
import { printable, whole } from '../terminal/text.js';
import { checkInput } from './options.js';
import { printJson, printTable } from './print.js';
import type { StatusOptions } from './status.options.js';

/**
 * Maximum number of tries to count without traffic: under traffic, a walk may meet a socket twice
 * or not at all.
 */
const TRIES = 5;
const BETWEEN_TRIES = 200;

/** Run `tcpsynq status`: show the module, its hooks and parameters, and whether it is exact. */
export async function status(host: Host, options: StatusOptions): Promise<void> {
  checkInput(options, 'status');
  const namespace = await openNamespace(options.netns);
  try {
    const [module, parameters] = await Promise.all([readStatus(namespace), readParameters()]);
    const queues = await check(namespace, host.signal, async () =>
      (await readListeners(namespace)).reduce((sum, { qlen }) => sum + qlen, 0),
    );
    const sockets = options.audit
      ? await check(namespace, host.signal, async () => (await tallySockets(namespace)).halfOpen)
      : null;
    if (options.json) {
      await printJson(host, {
        kernel: release(),
        netns: namespace.inode,
        ...module,
        parameters,
        queues: { half_open: queues.module, queued: queues.other, quiet: queues.quiet },
        audit:
          sockets === null
            ? null
            : { module: sockets.module, kernel: sockets.other, quiet: sockets.quiet },
      });
    } else {
      await print(host, { module, parameters, queues, sockets });
    }
    if (sockets !== null && sockets.surplus !== 0) {
      throw new Failure(
        `the count is ${Math.abs(sockets.surplus)} ${sockets.surplus > 0 ? 'above' : 'below'} the kernel's sockets: reload the module to count afresh`,
      );
    }
  } finally {
    namespace.close();
  }
}

/** Count in another way between two readings of the module; repeat if traffic interferes. */
async function check(
  namespace: Namespace,
  signal: AbortSignal,
  count: () => Promise<number>,
): Promise<AuditVerdict> {
  for (let tries = 1; ; tries += 1) {
    const before = (await readStat(namespace)).figures;
    const other = await count();
    const after = (await readStat(namespace)).figures;
    const verdict = judgeDrift({ before, other, after });
    if (verdict.quiet || tries === TRIES || signal.aborted) {
      return verdict;
    }
    await pause(BETWEEN_TRIES, signal);
  }
}

interface Shown {
  readonly module: ModuleStatus;
  readonly parameters: Readonly<Record<string, string>>;
  readonly queues: AuditVerdict;
  readonly sockets: AuditVerdict | null;
}

async function print(host: Host, { module, parameters, queues, sockets }: Shown): Promise<void> {
  const { initial, taps, hooks } = module;
  const lines = [
    `count    ${exactness(module)}`,
    ...module.why.map((why) => `         ${printable(why)}`),
    ...(sockets === null
      ? []
      : [`audit: module ${sockets.module}, kernel ${sockets.other}${moving(sockets)}`]),
    `queues   ${queueWords(queues)}`,
    `module   tcpsynq ${printable(module.version ?? '?')} on Linux ${release()}`,
    ...(initial === null
      ? []
      : [
          `start    ${initial.found ?? 'the'} half-open when loaded, found in ${microseconds(initial.us)}`,
        ]),
    ...(taps === null ? [] : [`taps     ${taps.open} open of at most ${taps.max}`]),
  ];
  await host.out.write(`${lines.join('\n')}\n`);
  if (hooks.length > 0) {
    await host.out.write('\n');
    await printTable(host, hookTable(hooks, host.out.tty));
  }
  const names = Object.keys(parameters);
  if (names.length > 0) {
    await host.out.write('\n');
    await printTable(host, [
      { title: 'PARAMETER', align: 'left', cells: names },
      column('VALUE', names, (name) => printable(parameters[name] ?? '') || '-', 'left'),
    ]);
  }
}

function exactness({ exact, hooks }: ModuleStatus): string {
  const without = hooks.filter(({ via }) => via === 'none').length;
  const missing = without === 0 ? '' : `; ${without} of ${hooks.length} hooks are not attached`;
  if (exact === null) {
    return `the module does not say whether it is exact${missing}`;
  }
  return `${exact ? 'exact' : 'NOT exact'}${missing}`;
}

function moving({ quiet }: AuditVerdict): string {
  return quiet ? '' : ' (traffic was running: good to what came and went meanwhile)';
}

function queueWords(verdict: AuditVerdict): string {
  const { module, other, surplus } = verdict;
  const both = `half-open ${module}, queued at listeners ${other}`;
  if (surplus > 0) {
    return `${both}: the listeners of ${surplus} have closed${moving(verdict)}`;
  }
  return surplus < 0
    ? `${both}: the count has drifted by ${-surplus}${moving(verdict)}`
    : `${both}${moving(verdict)}`;
}

function microseconds(us: number): string {
  return us < 1000 ? `${us} us` : duration(us / 1000);
}

function hookTable(hooks: readonly Hook[], grouped: boolean): Column[] {
  return [
    column('HOOK', hooks, ({ symbol }) => printable(symbol), 'left'),
    column('VIA', hooks, ({ via }) => printable(via), 'left'),
    column('MISSED', hooks, ({ missed }) => whole(missed, grouped)),
    column('HITS', hooks, ({ hits }) => (hits === null ? '-' : whole(hits, grouped))),
    column('SERVES', hooks, ({ serves }) => printable(serves.join(',')) || '-', 'left'),
  ];
}

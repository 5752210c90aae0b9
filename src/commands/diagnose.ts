import { HalfOpenReader } from '../aggregate/half-open.js';
import { Collector, SHORTEST_TIME, tooLittle, UNKNOWN_SETTINGS } from '../diagnose/collect.js';
import type { Evidence } from '../diagnose/evidence.js';
import { isQuiet, judge, type Verdict } from '../diagnose/rules.js';
import { asObject, pluginLine, type Report, report } from '../diagnose/words.js';
import { Failure, Usage } from '../failure.js';
import { readListeners } from '../proc/module.js';
import { type Namespace, openNamespace } from '../proc/namespace.js';
import { byTrouble, findOwners } from '../proc/owners.js';
import { readQueueSettings } from '../proc/sysctl.js';
import { type Bytes, openCapture, openModuleStream } from '../source/bytes.js';
import { Damage } from '../source/damage.js';
import { isLive } from '../source/input.js';
import { pause, stretched } from '../source/pace.js';
import { Problems } from '../stream/problems.js';
import { readBatches, type Taker } from '../stream/reader.js';
import { type Host, note } from '../terminal/host.js';
import { type Line, type Look, printable, render, wrap } from '../terminal/text.js';
import type { DiagnoseOptions } from './diagnose.options.js';
import { checkInput, refuse } from './options.js';
import { printJson, tellProblems } from './print.js';

const DEFAULT_TIME = 5000;
const FILTER = { kinds: 'count,event,syn', interval_ms: 100 };
/** Interval between two readings of the listeners, in ms. */
const LISTENERS_EVERY = 250;
/** Extra time in ms after which the watch ends, if the stream's own clock has not ended it. */
const GRACE = 2000;

/** Exit statuses of monitoring plugins. */
const STATUS = { ok: 0, warning: 1, critical: 2, unknown: 3 } as const;

/** Run `tcpsynq diagnose`: report the state of the SYN queues, its cause and a remedy. */
export async function diagnose(host: Host, options: DiagnoseOptions): Promise<void> {
  if (!options.check) {
    await run(host, options);
    return;
  }
  try {
    await run(host, options);
  } catch (error) {
    if (!(error instanceof Failure || error instanceof Usage)) {
      throw error;
    }
    await host.out.write(`TCPSYNQ UNKNOWN - ${printable(error.message).replaceAll('|', '/')}\n`);
    host.status = STATUS.unknown;
  }
}

async function run(host: Host, options: DiagnoseOptions): Promise<void> {
  check(options);
  const namespace = isLive(options.input) ? await openNamespace(options.netns) : null;
  try {
    const damage = new Damage();
    const evidence = await (namespace === null
      ? fromCapture(host, options, damage)
      : fromModule(host, options, namespace));
    if (options.check) {
      // --check has one line and one exit status: if only a part of a capture can be read, report
      // UNKNOWN.
      damage.report();
    }
    if (evidence !== null) {
      await tell(host, options, evidence);
    }
    damage.report();
  } finally {
    namespace?.close();
  }
}

function check(options: DiagnoseOptions): void {
  const { input } = options;
  checkInput(options, null);
  refuse({
    'diagnose reads the module or a capture: -i takes auto, module, a file or -': input === 'proc',
    '--check and --json exclude each other': options.check && options.json,
    '--for has no meaning for a capture: it is judged as a whole':
      options.for !== undefined && !isLive(input),
    '--speed has no meaning here: a capture is judged as a whole':
      options.speed !== undefined && !isLive(input),
    '--for takes 2s or more: a client is given a second to answer':
      (options.for ?? DEFAULT_TIME) < SHORTEST_TIME,
  });
}

/** Collect from the module; return null if stopped before there was enough to judge. */
async function fromModule(
  host: Host,
  options: DiagnoseOptions,
  namespace: Namespace,
): Promise<Evidence | null> {
  const time = options.for ?? DEFAULT_TIME;
  const done = new AbortController();
  const signal = AbortSignal.any([host.signal, done.signal]);
  const collector = new Collector(await readQueueSettings(namespace));
  // Read the listeners before the stream is opened, so that every row finds its listener.
  collector.listeners(await readListeners(namespace));
  const stream = await openModuleStream(namespace, FILTER, signal);
  if (host.err.tty && !options.check) {
    await note(host, `watching for ${time / 1000} s`);
  }
  const watchdog = setTimeout(() => done.abort(), time + GRACE);
  const reading = readAgain(namespace, collector, signal);
  try {
    await collect(stream, collector, () => collector.seconds * 1000 >= time);
  } finally {
    clearTimeout(watchdog);
    done.abort();
  }
  await reading;
  // Read the listeners again at the end, so that their queues are as new as the last row.
  collector.listeners(await readListeners(namespace));
  return judgeable(host, collector, stream.name);
}

async function readAgain(
  namespace: Namespace,
  collector: Collector,
  signal: AbortSignal,
): Promise<void> {
  let every = LISTENERS_EVERY;
  for (;;) {
    await pause(every, signal);
    if (signal.aborted) {
      return;
    }
    const before = performance.now();
    // A failure here happens again at the end, and is reported then.
    const listeners = await readListeners(namespace).catch(() => null);
    every = stretched(LISTENERS_EVERY, performance.now() - before);
    if (listeners !== null) {
      collector.listeners(listeners);
    }
  }
}

async function fromCapture(
  host: Host,
  options: DiagnoseOptions,
  damage: Damage,
): Promise<Evidence | null> {
  const stream = openCapture(options.input, options, () => host.stdin(), host.signal);
  const collector = new Collector(UNKNOWN_SETTINGS);
  const chunks = damage.before(stream.chunks);
  const problems = await collect({ chunks }, collector, () => false);
  const lack = tooLittle(collector, stream.name);
  if (lack !== null) {
    damage.report(lack);
  }
  await tellProblems(host, problems);
  return judgeable(host, collector, stream.name);
}

/**
 * Feed the collector until `enough` returns true or the input ends. Return the unreadable lines.
 */
async function collect(
  { chunks }: Pick<Bytes, 'chunks'>,
  collector: Collector,
  enough: () => boolean,
): Promise<Problems> {
  const problems = new Problems();
  const events = new HalfOpenReader();
  const taker: Taker = {
    begin: (batch) => collector.begin(batch),
    take(item) {
      if (item.kind === '!') {
        problems.add(item.line, item.reason);
        return;
      }
      if (item.kind === 'A' || item.kind === 'R') {
        const event = events.read(item);
        if (typeof event === 'string') {
          problems.add(item.line, event);
          return;
        }
      }
      collector.take(item);
    },
  };
  for await (const batch of readBatches(chunks)) {
    batch.to(taker);
    if (enough()) {
      return problems;
    }
  }
  return problems;
}

async function judgeable(host: Host, collector: Collector, name: string): Promise<Evidence | null> {
  const words = tooLittle(collector, name);
  if (words === null) {
    return collector.finish();
  }
  if (!host.signal.aborted) {
    throw new Failure(words);
  }
  await note(host, words);
  return null;
}

async function tell(host: Host, options: DiagnoseOptions, evidence: Evidence): Promise<void> {
  const verdict = judge(evidence);
  const names = { owners: await ownersOf(verdict), enter: enter(options.netns) };
  const told = report(verdict, evidence, names, host.out.tty && !options.check);
  if (options.check) {
    await host.out.write(`${pluginLine(told, evidence)}\n`);
    host.status = STATUS[verdict.severity];
  } else if (options.json) {
    await printJson(host, asObject(told, evidence));
  } else {
    await print(host, told);
  }
}

/** Return the processes that hold the socket of the worst listener. */
async function ownersOf({ worst: { scope } }: Verdict) {
  const inode = scope.accept?.inode ?? scope.listener?.inode ?? 0;
  return inode === 0 ? [] : byTrouble((await findOwners(new Set([inode]))).get(inode) ?? []);
}

/** Return the command prefix that enters the namespace. */
function enter(netns: string | undefined): string {
  if (netns === undefined) {
    return '';
  }
  return /^\d+$/.test(netns) ? `nsenter --net=/proc/${netns}/ns/net ` : `ip netns exec ${netns} `;
}

const LOOKS: Readonly<Record<Verdict['severity'], Look>> = {
  ok: 'good',
  warning: 'warn',
  critical: 'bad',
};
const INDENT = '          ';

async function print(host: Host, { verdict, headline, why, advice, kernel }: Report) {
  const { out } = host;
  const columns = out.tty ? out.columns : Number.POSITIVE_INFINITY;
  const quiet = isQuiet(verdict.worst.state);
  const parts: (readonly [string, readonly string[]])[] = [
    ['why', why],
    ['do', [...(advice.command === null ? [] : [advice.command]), advice.effect]],
    ['not', advice.wont === null ? [] : [advice.wont]],
    [
      'kernel',
      kernel === null || (quiet && !kernel.printed)
        ? []
        : [`"Possible SYN flooding" ${kernel.why}`],
    ],
  ];
  const lines: Line[] = wrap(headline, columns).map((text) => [
    { text, look: LOOKS[verdict.severity] },
  ]);
  for (const [label, texts] of parts) {
    lines.push(...labelled(label, texts, columns));
  }
  await out.write(lines.map((line) => `${render(line, columns, out.colour)}\n`).join(''));
}

/** Return texts as indented lines, with the label before the first. */
function labelled(label: string, texts: readonly string[], columns: number): Line[] {
  return texts
    .flatMap((text) => wrap(printable(text), columns - INDENT.length))
    .map((piece, i) => [i === 0 ? `  ${label}`.padEnd(INDENT.length) : INDENT, piece]);
}

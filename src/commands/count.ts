import { release } from 'node:os';
import { Failure } from '../failure.js';
import { readStat } from '../proc/module.js';
import { type Namespace, openNamespace } from '../proc/namespace.js';
import { Damage } from '../source/damage.js';
import { isLive, type LiveInput } from '../source/input.js';
import { NOT_IN_COUNTERS, NOT_IN_PROC, type SourceInfo } from '../source/source.js';
import { COUNTER_NAMES, COUNTERS, type CounterName, type Counters } from '../stream/counters.js';
import type { Count, Header } from '../stream/parser.js';
import { type Host, note } from '../terminal/host.js';
import { whole } from '../terminal/text.js';
import type { CountOptions } from './count.options.js';
import { checkInput, refuse } from './options.js';
import { printJson, printTable } from './print.js';

interface Counted {
  readonly info: SourceInfo;
  readonly figures: Counters;
  /** RFC 3339, or null for a capture without a clock. */
  readonly time: string | null;
  readonly kernel: string | null;
  readonly netns: string | null;
}

/** Run `tcpsynq count`: print the figures once. Load code only where it is needed. */
export async function count(host: Host, options: CountOptions): Promise<void> {
  checkInput(options, options.by === 'cpu' ? 'count --by cpu' : null);
  if (!isLive(options.input)) {
    const { by, speed } = options;
    refuse({
      [`count --by ${by} has no meaning for a capture`]: by !== undefined,
      '--speed has no meaning here: the last count of a capture is shown': speed !== undefined,
    });
    const damage = new Damage();
    await print(host, options, await lastCount(host, options, damage));
    damage.report();
    return;
  }
  const namespace = await openNamespace(options.netns);
  try {
    if (options.by === 'cpu') {
      await printByCpu(host, options, namespace);
    } else if (options.by === 'state') {
      await printByState(host, options, namespace);
    } else {
      await print(host, options, await countNow(host, options.input, namespace));
    }
  } finally {
    namespace.close();
  }
}

async function countNow(host: Host, input: LiveInput, namespace: Namespace): Promise<Counted> {
  const known = { time: new Date().toISOString(), kernel: release(), netns: namespace.inode };
  if (input !== 'proc') {
    try {
      const { figures } = await readStat(namespace);
      const from = `${namespace.net}/stat/tcpsynq`;
      const info = { source: 'module', from, live: true, notKnown: NOT_IN_COUNTERS } as const;
      return { ...known, info, figures };
    } catch (error) {
      if (input === 'module' || !(error instanceof Failure)) {
        throw error;
      }
    }
  }
  const from = `${namespace.net}/{tcp,tcp6,netstat}`;
  const why = input === 'proc' ? '' : 'the tcpsynq module is not loaded: ';
  await note(host, `${why}reading ${from}; not known there: ${NOT_IN_PROC.join(', ')}`);
  const { readProcFigures } = await import('../proc/sockets.js');
  const figures = await readProcFigures(namespace);
  return { ...known, info: { source: 'proc', from, live: true, notKnown: NOT_IN_PROC }, figures };
}

async function lastCount(host: Host, options: CountOptions, damage: Damage): Promise<Counted> {
  const { recorded } = await import('../source/select.js');
  const { input } = options;
  let info: SourceInfo | null = null;
  let header: Header | null = null;
  let last: Count | null = null;
  const events = recorded(input, options, () => host.stdin(), host.signal);
  for await (const event of damage.before(events)) {
    switch (event.type) {
      case 'source':
        info = event.info;
        break;
      case 'epoch':
        header = event.header;
        break;
      case 'count':
        last = event.count;
        break;
      case 'note':
        await note(host, event.text);
        break;
    }
  }
  if (info === null || last === null) {
    damage.report();
    throw new Failure(`${input === '-' ? 'standard input' : input} holds no counts`);
  }
  const offset = header?.clock_offset ?? null;
  return {
    info,
    figures: last.figures,
    time: offset === null ? null : new Date((offset + last.time) * 1000).toISOString(),
    kernel: header?.kernel ?? null,
    netns: header?.netns ?? null,
  };
}

async function print(host: Host, options: CountOptions, counted: Counted): Promise<void> {
  const { info, figures, time, kernel, netns } = counted;
  const names = COUNTER_NAMES.filter((name) => figures[name] !== undefined);
  if (options.json) {
    const { source, from, notKnown } = info;
    await printJson(host, { time, source, from, kernel, netns, ...figures, not_known: notKnown });
  } else if (host.out.tty) {
    await printTable(host, [
      { title: 'FIGURE', align: 'left', cells: names },
      { title: 'NOW', align: 'right', cells: names.map((name) => whole(figures[name] ?? 0, true)) },
      { title: 'MEANS', align: 'left', cells: names.map((name) => COUNTERS[name]), extra: true },
    ]);
  } else {
    await host.out.write(names.map((name) => `${name} ${figures[name]}\n`).join(''));
  }
}

async function printByCpu(host: Host, options: CountOptions, namespace: Namespace): Promise<void> {
  const { cpus } = await readStat(namespace);
  if (options.json) {
    for (const [cpu, figures] of cpus.entries()) {
      await printJson(host, { cpu, ...figures });
    }
    return;
  }
  const names = COUNTER_NAMES.filter((name) => cpus[0]?.[name] !== undefined);
  // On a terminal, a column of zeros would displace a useful one.
  const shown = host.out.tty
    ? names.filter((name) => name === 'added' || cpus.some((cpu) => cpu[name] !== 0))
    : names;
  await printTable(host, [
    { title: 'cpu', align: 'right', cells: cpus.map((_, cpu) => String(cpu)) },
    ...shown.map((name: CounterName) => ({
      title: name,
      align: 'right' as const,
      cells: cpus.map((cpu) => whole(cpu[name] ?? 0, host.out.tty)),
    })),
  ]);
}

async function printByState(
  host: Host,
  options: CountOptions,
  namespace: Namespace,
): Promise<void> {
  const { tallySockets } = await import('../proc/sockets.js');
  const states = (await tallySockets(namespace)).byState();
  if (options.json) {
    for (const row of states) {
      await printJson(host, row);
    }
    return;
  }
  await printTable(host, [
    { title: 'state', align: 'left', cells: states.map(({ state }) => state) },
    {
      title: 'sockets',
      align: 'right',
      cells: states.map(({ sockets }) => whole(sockets, host.out.tty)),
    },
  ]);
}

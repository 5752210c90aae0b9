import { byFullness, fullness, type Listener, limitSetBy } from '../proc/listeners.js';
import { readListeners, readStat } from '../proc/module.js';
import { type Namespace, openNamespace } from '../proc/namespace.js';
import { findOwners, type Owner } from '../proc/owners.js';
import { readQueueSettings } from '../proc/sysctl.js';
import { pause, stretched } from '../source/pace.js';
import type { Counters } from '../stream/counters.js';
import type { Size } from '../terminal/frame.js';
import type { Host } from '../terminal/host.js';
import { Stage } from '../terminal/live-screen.js';
import { type Column, column, pairs, table } from '../terminal/table.js';
import { type Line, percent, printable, whole, wrap } from '../terminal/text.js';
import type { ListenersOptions } from './listeners.options.js';
import { checkInput, refuse } from './options.js';
import { printJson, printTable } from './print.js';

const DEFAULT_INTERVAL = 1000;

interface Row {
  readonly listener: Listener;
  readonly setBy: string | null;
  readonly owners: readonly Owner[];
}

/** Run `tcpsynq listeners`: show the SYN and accept queue of each listener, the fullest first. */
export async function listeners(host: Host, options: ListenersOptions): Promise<void> {
  checkInput(options, 'listeners');
  refuse({ '--interval needs --watch': options.interval !== undefined && !options.watch });
  const namespace = await openNamespace(options.netns);
  try {
    if (options.watch) {
      await watch(host, options, namespace);
    } else {
      await print(host, options, await readRows(namespace));
      if (host.out.tty && !options.json) {
        const { figures } = await readStat(namespace);
        await host.out.write(`${neverGotIn(figures, host.out.columns).join('\n')}\n`);
      }
    }
  } finally {
    namespace.close();
  }
}

async function readRows(namespace: Namespace): Promise<Row[]> {
  const found = (await readListeners(namespace)).sort(byFullness);
  const inodes = new Set(found.map(({ inode }) => inode).filter((inode) => inode !== 0));
  const [settings, owners] = await Promise.all([readQueueSettings(namespace), findOwners(inodes)]);
  return found.map((listener) => ({
    listener,
    setBy: limitSetBy(listener, settings),
    owners: owners.get(listener.inode) ?? [],
  }));
}

async function print(host: Host, { json }: ListenersOptions, rows: readonly Row[]): Promise<void> {
  if (json) {
    const time = new Date().toISOString();
    for (const { listener, setBy, owners } of rows) {
      const rest = {
        limit_set_by: setBy,
        processes: owners.map(({ pid, name, state }) => ({ pid, name, state })),
        time,
      };
      await printJson(host, { ...listener, full: fullness(listener), ...rest });
    }
  } else {
    await printTable(host, host.out.tty ? forPeople(rows) : forPrograms(rows));
  }
}

/**
 * Show the listeners until stopped: as a screen on a terminal, elsewhere as a table per interval.
 */
async function watch(host: Host, options: ListenersOptions, namespace: Namespace): Promise<void> {
  const interval = options.interval ?? DEFAULT_INTERVAL;
  const { signal } = host;
  const screen = host.out.steerable && !options.json ? liveScreen(host) : null;
  let first = true;
  try {
    while (!signal.aborted) {
      const start = performance.now();
      const rows = await readRows(namespace);
      const { figures } = await readStat(namespace);
      if (screen !== null) {
        screen.show({ rows, figures });
      } else {
        await (first || options.json ? undefined : host.out.write('\n'));
        await print(host, options, rows);
      }
      first = false;
      const cost = performance.now() - start;
      await pause(stretched(interval, cost) - cost, signal);
    }
  } finally {
    await screen?.close();
  }
}

interface Picture {
  readonly rows: readonly Row[];
  readonly figures: Counters;
}

function liveScreen(host: Host) {
  let picture: Picture | null = null;
  const stage = new Stage(host, {
    draw: async () => (picture === null ? [] : drawn(picture, host.out, stage.hasKeys)),
    press: () => false,
  });
  return {
    show(next: Picture) {
      picture = next;
      stage.redraw();
    },
    close: () => stage.close(),
  };
}

/** Return lines with the figures that the kernel counts only per namespace, not per listener. */
function neverGotIn(figures: Counters, columns: number): string[] {
  const n = (name: 'cookies' | 'queue_full' | 'accept_full') => whole(figures[name] ?? 0, true);
  return [
    `SYNs since load, all listeners: ${n('cookies')} answered with a cookie`,
    `refused: ${n('queue_full')} for a full SYN queue, ${n('accept_full')} for a full accept queue`,
  ].flatMap((line) => wrap(line, columns));
}

function drawn({ rows, figures }: Picture, { columns, rows: height }: Size, keys: boolean): Line[] {
  const below = neverGotIn(figures, columns).map((line) => [line]);
  const room = Math.max(1, height - below.length - 2);
  const [head = '', ...body] = table(forPeople(rows), columns).lines;
  const shown = body.length > room ? body.slice(0, room - 1) : body;
  const hint = keys ? 'q quit' : 'Ctrl-C quits';
  return [
    [{ text: head, look: 'dim' as const }],
    ...shown.map((line): Line => [line]),
    ...(shown.length < body.length ? [[`and ${body.length - shown.length} more`]] : []),
    ...(body.length === 0 ? [['no listeners']] : []),
    ...new Array<Line>(Math.max(0, room - Math.max(1, body.length))).fill([]),
    ...below,
    [' '.repeat(Math.max(0, columns - hint.length)), { text: hint, look: 'dim' as const }],
  ].slice(0, height);
}

/** Return the first process and the number of others that share the socket: `nginx[812]+2`. */
function ownersCell(owners: readonly Owner[]): string {
  const [first, ...others] = owners;
  if (first === undefined) {
    return '-';
  }
  const more = others.length === 0 ? '' : `+${others.length}`;
  return `${printable(first.name)}[${first.pid}]${more}`;
}

function forPeople(rows: readonly Row[]): Column[] {
  const queues = pairs(rows.map(({ listener: { qlen, holds } }) => [qlen, holds]));
  const accepts = pairs(
    rows.map(({ listener: { accept_qlen, backlog } }) => [accept_qlen, backlog]),
  );
  return [
    column('LISTENER', rows, ({ listener }) => printable(listener.local), 'left'),
    column('FULL', rows, ({ listener }) => {
      const share = fullness(listener);
      return share === null ? 'cookies' : percent(share);
    }),
    { title: 'SYN QUEUE', align: 'left', cells: queues },
    column('LIMIT SET BY', rows, ({ setBy }) => setBy ?? '-', 'left'),
    { title: 'ACCEPT QUEUE', align: 'left', cells: accepts },
    column('PROCESS', rows, ({ owners }) => ownersCell(owners), 'left'),
    column('YOUNG', rows, ({ listener }) => whole(listener.young, true)),
    column('DROPS', rows, ({ listener }) => whole(listener.drops, true)),
    column('WARNED', rows, ({ listener }) => (listener.warned ? 'yes' : 'no'), 'left'),
  ];
}

/** Make columns with one word per cell, so that awk and cut can split them. */
function forPrograms(rows: readonly Row[]): Column[] {
  const word = (title: string, cell: (row: Row) => string | number) =>
    column(title, rows, (row) => String(cell(row)).replaceAll(/\s/g, '_'), 'left');
  return [
    word('listener', ({ listener }) => printable(listener.local)),
    word('qlen', ({ listener }) => listener.qlen),
    word('holds', ({ listener }) => listener.holds),
    word('limit_set_by', ({ setBy }) => setBy ?? '-'),
    word('accept_qlen', ({ listener }) => listener.accept_qlen),
    word('backlog', ({ listener }) => listener.backlog),
    word('process', ({ owners }) => ownersCell(owners)),
    word('young', ({ listener }) => listener.young),
    word('drops', ({ listener }) => listener.drops),
    word('warned', ({ listener }) => (listener.warned ? 'yes' : 'no')),
  ];
}

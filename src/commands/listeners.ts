import { type Column, pairs } from '../chart/table.js';
import { percent, printable, whole } from '../chart/text.js';
import type { Host } from '../host.js';
import { byFullness, fullness, type Listener, limitSetBy } from '../record/listeners.js';
import { readListeners } from '../source/module.js';
import { openNamespace } from '../source/namespace.js';
import { findOwners, type Owner } from '../source/owners.js';
import { readQueueSettings } from '../source/sysctl.js';
import { type CommonOptions, checkInput } from './options.js';
import { printJson, printTable } from './print.js';

interface Row {
  readonly listener: Listener;
  readonly setBy: string | null;
  readonly owners: readonly Owner[];
}

/** `tcpsynq listeners`: the SYN queue and the accept queue of every listener, the fullest first. */
export async function listeners(host: Host, options: CommonOptions): Promise<void> {
  checkInput(options, 'listeners');
  const namespace = await openNamespace(options.netns);
  try {
    const found = (await readListeners(namespace)).sort(byFullness);
    const inodes = new Set(found.map(({ inode }) => inode).filter((inode) => inode !== 0));
    const [settings, owners] = await Promise.all([
      readQueueSettings(namespace),
      findOwners(inodes),
    ]);
    const rows = found.map((listener) => ({
      listener,
      setBy: limitSetBy(listener, settings),
      owners: owners.get(listener.inode) ?? [],
    }));
    if (options.json) {
      for (const row of rows) {
        await printJson(host, asObject(row));
      }
    } else {
      await printTable(host, host.out.tty ? forPeople(rows) : forPrograms(rows));
    }
  } finally {
    namespace.close();
  }
}

function asObject({ listener, setBy, owners }: Row): object {
  return { ...listener, full: fullness(listener), limit_set_by: setBy, processes: owners };
}

/** "nginx[812]", with the number of others that share the socket. */
function ownerWords(owners: readonly Owner[]): string {
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
  const column = (title: string, align: Column['align'], cell: (row: Row) => string): Column => ({
    title,
    align,
    cells: rows.map(cell),
  });
  return [
    column('LISTENER', 'left', ({ listener }) => printable(listener.local)),
    column('FULL', 'right', ({ listener }) => {
      const share = fullness(listener);
      return share === null ? 'cookies' : percent(share);
    }),
    { title: 'SYN QUEUE', align: 'left', cells: queues },
    column('LIMIT SET BY', 'left', ({ setBy }) => setBy ?? '-'),
    { title: 'ACCEPT QUEUE', align: 'left', cells: accepts },
    column('PROCESS', 'left', ({ owners }) => ownerWords(owners)),
    column('YOUNG', 'right', ({ listener }) => whole(listener.young, true)),
    column('DROPS', 'right', ({ listener }) => whole(listener.drops, true)),
    column('WARNED', 'left', ({ listener }) => (listener.warned ? 'yes' : 'no')),
  ];
}

/** One word per column, so that awk and cut can take it apart. */
function forPrograms(rows: readonly Row[]): Column[] {
  const column = (title: string, cell: (row: Row) => string | number): Column => ({
    title,
    align: 'left',
    cells: rows.map((row) => String(cell(row)).replaceAll(/\s/g, '_')),
  });
  return [
    column('listener', ({ listener }) => printable(listener.local)),
    column('qlen', ({ listener }) => listener.qlen),
    column('holds', ({ listener }) => listener.holds),
    column('limit_set_by', ({ setBy }) => setBy ?? '-'),
    column('accept_qlen', ({ listener }) => listener.accept_qlen),
    column('backlog', ({ listener }) => listener.backlog),
    column('process', ({ owners }) => ownerWords(owners)),
    column('young', ({ listener }) => listener.young),
    column('drops', ({ listener }) => listener.drops),
    column('warned', ({ listener }) => (listener.warned ? 'yes' : 'no')),
  ];
}

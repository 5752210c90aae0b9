import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Namespace } from '../src/proc/namespace.js';
import { LISTENER_COLUMNS, STAT_COLUMNS } from '../src/stream/schema.js';

/** Counters of /proc/net/stat/tcpsynq; those not given are 0. */
export type FakeFigures = Partial<Record<(typeof STAT_COLUMNS)[number], number>>;

/** A row of /proc/net/tcpsynq_listeners. */
export interface FakeListener {
  readonly local: string;
  readonly inode?: number;
  readonly uid?: number;
  readonly qlen?: number;
  readonly young?: number;
  readonly holds?: number;
  readonly accept_qlen?: number;
  readonly backlog?: number;
}

/** Return /proc/net/stat/tcpsynq of a host with two CPUs, of which the first counted everything. */
export function statText(figures: FakeFigures): string {
  const hex = (value: number) => BigInt.asUintN(64, BigInt(value)).toString(16).padStart(16, '0');
  const row = (cpu: number) =>
    STAT_COLUMNS.map((name) => hex(cpu === 0 || name === 'half_open' ? (figures[name] ?? 0) : 0));
  return [STAT_COLUMNS, row(0), row(1)].map((words) => `${words.join(' ')}\n`).join('');
}

/** Return the text of /proc/net/tcpsynq_listeners. */
export function listenersText(listeners: readonly FakeListener[]): string {
  const rows = listeners.map(
    ({
      local,
      inode = 1,
      uid = 0,
      qlen = 0,
      young = 0,
      holds = 129,
      accept_qlen = 0,
      backlog = 128,
    }) => `${local} ${inode} ${uid} ${qlen} ${young} ${holds} ${accept_qlen} ${backlog} 0 0 0\n`,
  );
  return `${LISTENER_COLUMNS.join(' ')}\n${rows.join('')}`;
}

const STATUS = `version 0.1.0
exact yes
initial_walk 12 0
taps 1 16
hook inet_csk_reqsk_queue_hash_add ftrace 5 0 added
`;

/** Make a folder look like /proc/net with the module loaded. */
export async function loadInto(
  net: string,
  figures: FakeFigures = {},
  listeners: readonly FakeListener[] = [],
): Promise<void> {
  await mkdir(join(net, 'stat'), { recursive: true });
  await writeFile(join(net, 'tcpsynq_listeners'), listenersText(listeners));
  await writeFile(join(net, 'tcpsynq_status'), STATUS);
  await writeFile(join(net, 'stat', 'tcpsynq'), statText(figures));
}

/** Remove the module's files, as rmmod does. */
export async function unloadFrom(net: string): Promise<void> {
  for (const name of ['stat/tcpsynq', 'tcpsynq_listeners', 'tcpsynq_status']) {
    await rm(join(net, name));
  }
}

/** Make a folder look like /proc/net without the module: no sockets, and some counters. */
export async function plainInto(net: string): Promise<void> {
  await mkdir(net, { recursive: true });
  await writeFile(join(net, 'tcp'), '  sl  local_address rem_address   st\n');
  await writeFile(
    join(net, 'netstat'),
    'TcpExt: SyncookiesSent SyncookiesRecv SyncookiesFailed ListenOverflows ListenDrops TCPReqQFullDrop\n' +
      'TcpExt: 11 12 13 14 15 16\n',
  );
}

/** Add a process in namespace `inode` to a folder that looks like /proc; return its net folder. */
export async function addProcess(proc: string, pid: number, inode: number): Promise<string> {
  await mkdir(join(proc, String(pid), 'ns'), { recursive: true });
  await enter(proc, pid, inode);
  const net = join(proc, String(pid), 'net');
  await mkdir(net);
  return net;
}

/** Move a process to another namespace, as if it had ended and another process had its id. */
export async function enter(proc: string, pid: number, inode: number): Promise<void> {
  const link = join(proc, String(pid), 'ns', 'net');
  await rm(link, { force: true });
  await symlink(`net:[${inode}]`, link);
}

export function namespaceOf(net: string, inode = '4026531840'): Namespace {
  return { net, pid: null, inode, close() {} };
}

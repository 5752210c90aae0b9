// Shared by the tests in the lab's guest: the module, pairs of network namespaces, the traffic
// tools, and the kernel's own count to compare with the module's.
//
// Everything here runs as root in the guest that lab/run boots, never on the host: requireGuest()
// throws elsewhere.

import { type ChildProcess, spawn } from 'node:child_process';
import { constants, existsSync, openSync, readFileSync, readSync } from 'node:fs';
import { hostname, release, version } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import type { STAT_COLUMNS } from '../../src/stream/schema.ts';
import { eventually } from '../eventually.ts';
import { MARK, OWN } from '../left.ts';
import { FLOOD } from './flood.ts';
import { run } from './shell.ts';

export { FLOOD, sleep };

// By this mark test/processes.ts finds the processes that a test leaves behind.
process.env[MARK] = OWN;

export const top = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
export const moduleFile = join(top, 'kmod', 'tcpsynq.ko');
const tools = join(top, 'lab', 'tools', 'build');

/** Debian's Python. Another in PATH may be a wrapper script that takes seconds in the guest. */
export const PYTHON = '/usr/bin/python3';

export function requireGuest(): void {
  if (hostname() !== 'lab' || !existsSync('/run/tcpsynq-lab/token')) {
    throw new Error('these tests change the kernel: they run in the lab only (make test)');
  }
}

/** Run a shell command and return its stdout. Throw its stderr unless it exits with status 0. */
export function sh(command: string): string {
  const { status, stdout, stderr } = run(command);
  if (status !== 0) throw new Error(`status ${status} of ${command}\n${stderr}`);
  return stdout;
}

/** Run a shell command that may fail, and return its exit status and everything it wrote. */
export function trySh(command: string): { status: number; output: string } {
  const { status, stdout } = run(`{ ${command}\n} 2>&1`);
  return { status, output: stdout };
}

export function load(parameters = ''): void {
  sh(`insmod ${moduleFile} ${parameters}`);
}

export function unload(): void {
  sh('rmmod tcpsynq');
}

let kernelLog: number | undefined;
const record = Buffer.alloc(8192);

/** Return the kernel's messages since the last call, one per line, without running dmesg. */
export function newMessages(): string {
  kernelLog ??= openSync('/dev/kmsg', constants.O_RDONLY | constants.O_NONBLOCK);
  let messages = '';
  for (;;) {
    try {
      // A read gives one record: "priority,number,time,flags;text".
      const text = record.toString('utf8', 0, readSync(kernelLog, record));
      messages += `${text.slice(text.indexOf(';') + 1).split('\n', 1)[0]}\n`;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EAGAIN') return messages;
      // EPIPE: the kernel has overwritten the records that were next.
      if (code !== 'EPIPE') throw error;
    }
  }
}

export function isLoaded(): boolean {
  return existsSync('/sys/module/tcpsynq');
}

/** The counters of the C line for the whole namespace, from /proc/net/stat/tcpsynq. */
export type Figures = Record<(typeof STAT_COLUMNS)[number], number>;

export function parseStat(text: string): Figures {
  const [header = '', ...rows] = text.trimEnd().split('\n');
  const names = header.split(' ');
  const sum: Record<string, bigint> = {};
  for (const row of rows) {
    row.split(' ').forEach((hex, i) => {
      const name = names[i] ?? '';
      const value = BigInt.asIntN(64, BigInt(`0x${hex}`));
      sum[name] = name === 'half_open' ? value : (sum[name] ?? 0n) + value;
    });
  }
  return Object.fromEntries(
    Object.entries(sum).map(([name, value]) => [name, Number(value)]),
  ) as unknown as Figures;
}

export const ended = (f: Figures): number =>
  f.completed + f.expired + f.reset + f.unreachable + f.closed + f.other;

/** Return the lines of /proc/net/tcpsynq_status in this namespace, or in the target's. */
export function status(at?: Link): string[] {
  const text = at?.procNet('tcpsynq_status') ?? readFileSync('/proc/net/tcpsynq_status', 'utf8');
  return text.trimEnd().split('\n');
}

/** Wait until `n` taps are open on the whole host. */
export async function tapsOpen(n: number): Promise<void> {
  await eventually(`${n} open taps`, () => status().includes(`taps ${n} 16`));
}

/** Return whether the guest's kernel has that version or a newer one. */
export function isKernel(major: number, minor: number): boolean {
  const [own = 0, ownMinor = 0] = release().split('.').map(Number);
  return own > major || (own === major && ownMinor >= minor);
}

/**
 * Return how many half-opens fit into the SYN queue. Kernels since 2025 take one more than the
 * backlog; in the lab these are 6.1 and later (docs/syn-queue.md).
 */
export const queueRoom = (backlog: number): number => (isKernel(6, 1) ? backlog + 1 : backlog);

/** Return how many handshakes `completed` lacks, by the target's status. */
export function lateCompletions(at: Link): number {
  const [, n = '0'] = /^why (\d+) handshakes completed /m.exec(status(at).join('\n')) ?? [];
  return Number(n);
}

/**
 * Expect no reason to doubt the count, except:
 * - before 5.5, the module cannot know whether ftrace was ever disabled;
 * - with PREEMPT_RT, the module never vouches for its count;
 * - in a target, handshakes may complete while another CPU ends them.
 */
export function expectNoDoubt(at?: Link): void {
  const lines = status(at);
  const doubts = lines.filter((line) => line.startsWith('why '));
  const known = [
    ...(isKernel(5, 5) ? [] : ['why kernel.ftrace_enabled=0, ']),
    ...(version().includes('PREEMPT_RT') ? ['why PREEMPT_RT'] : []),
    ...(at ? [`why ${lateCompletions(at)} handshakes completed `] : []),
  ];
  expect(doubts.filter((line) => !known.some((start) => line.startsWith(start)))).toEqual([]);
  expect(lines).toContain(doubts.length > 0 ? 'exact no' : 'exact yes');
}

/**
 * Whether this kernel moves a request to another listener of its group. The sysctl does not show
 * that: 5.10's stable releases have it, without effect.
 */
export const movesRequests = readFileSync('/proc/net/netstat', 'utf8').includes(
  'TCPMigrateReqSuccess',
);

/** Expect the module to agree with the kernel while no traffic runs; return the figures. */
export async function expectExact(at: Link): Promise<Figures> {
  const { figures: f, kernel } = await at.settled();
  expect(f.half_open).toBe(kernel);
  expect(f.initial + f.added - ended(f)).toBe(f.half_open);
  expect(f.missed).toBe(0);
  expectNoDoubt(at);
  return f;
}

export interface Sent {
  syn_sent: number;
  synack_first: number;
  synack_repeat: number;
  completed: number;
  reset: number;
  reset_copies: number;
  unreachable: number;
  abandoned: number;
  bad_acks: number;
  send_errors: number;
  rx_drops: number;
  dev_rx_dropped: number;
  dev_tx_dropped: number;
}

/** Expect all SYNs to have been sent, and no answer to have been lost on the way back. */
export function expectSent(sent: Sent, count = FLOOD): void {
  expect(sent).toMatchObject({ syn_sent: count, rx_drops: 0, dev_rx_dropped: 0 });
}

/** A tool that runs in the background, in a namespace of a Link. */
export class Running {
  private output = '';
  private errors = '';
  private ended: Promise<number>;

  constructor(
    readonly child: ChildProcess,
    private readonly what: string,
  ) {
    child.stdout?.on('data', (text) => {
      this.output += text;
    });
    child.stderr?.on('data', (text) => {
      this.errors += text;
    });
    this.ended = new Promise((resolve) => {
      child.on('close', (code, signal) => {
        resolve(code ?? (signal ? -1 : 0));
      });
    });
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  /** Wait until stdout holds `text`. */
  async says(text: string): Promise<void> {
    const spoken = () => {
      if (this.output.includes(text)) return true;
      if (this.child.exitCode !== null) {
        throw new Error(`${this.what} ended (${this.child.exitCode}): ${this.errors}`);
      }
      return false;
    };
    await eventually(`"${text}" from ${this.what}`, spoken, { every: 5 });
  }

  /** Wait for the tool to exit, return its stdout, and throw unless its status is 0. */
  async done(): Promise<string> {
    const code = await this.ended;
    if (code !== 0) throw new Error(`${this.what} exited ${code}: ${this.errors}`);
    return this.output;
  }

  async stop(): Promise<string> {
    this.signal('SIGTERM');
    return this.done();
  }
}

/** Stop a listener, and return how many connections it accepted. */
export async function accepted(listener: Running): Promise<number> {
  const told = (await listener.stop()).trimEnd().split('\n').at(-1) ?? '';
  return (JSON.parse(told) as { accepted: number }).accepted;
}

let links = 0;

/** Return a prefix that runs a command in a namespace, without the mounts of `ip netns exec`. */
export const inside = (namespace: string) => `nsenter --net=/run/netns/${namespace}`;

/**
 * A target and an attacker: two network namespaces joined by a veth pair. The target routes answers
 * to the spoofed sources of lab/tools/synsend.c to the attacker, which discards them.
 *
 * Starting a process takes a tenth of a second in an emulated guest. So one script sets up a link,
 * and an idle process stays in the target, to read the target's /proc/net through it.
 */
export class Link {
  readonly target: string;
  readonly attacker: string;
  readonly device: string;
  readonly address = '10.9.0.1';
  readonly address6 = 'fd09::1';
  private running: Running[] = [];
  /** The id of the idle process in the target's namespace. */
  private readonly resident: number;
  /** Settings of the whole host to restore in remove(). */
  private readonly hostSettings: string[] = [];

  constructor(sysctls: Record<string, string | number> = {}) {
    const n = ++links;
    this.target = `target${process.pid}-${n}`;
    this.attacker = `attacker${process.pid}-${n}`;
    this.device = 'veth1';
    const settings = {
      'net.core.somaxconn': 1000000,
      'net.ipv4.tcp_max_syn_backlog': 4000000,
      'net.ipv4.tcp_syncookies': 0,
      // Keep half-opens for minutes, so that they can be counted; empty() lets them expire.
      'net.ipv4.tcp_synack_retries': 6,
      ...sysctls,
    };
    const { target, attacker } = this;
    const pid = sh(`set -e
echo 400000 >/proc/sys/net/core/netdev_max_backlog
ip -batch - <<END
netns add ${target}
netns add ${attacker}
link add veth0 netns ${target} type veth peer name veth1 netns ${attacker}
END
ip -n ${attacker} -batch - <<END
link set lo up
addr add 10.9.0.2/24 dev veth1
addr add fd09::2/64 dev veth1 nodad
link set veth1 up
route add blackhole 198.18.0.0/15
route add blackhole 2001:db8:5::/48
END
ip -n ${target} -batch - <<END
link set lo up
addr add 10.9.0.1/24 dev veth0
addr add fd09::1/64 dev veth0 nodad
link set veth0 up
route add 198.18.0.0/15 via 10.9.0.2 dev veth0
route add 2001:db8:5::/48 via fd09::2 dev veth0
END
${inside(target)} sleep 86400 >/dev/null 2>&1 &
until [ /proc/$!/ns/net -ef /run/netns/${target} ]; do kill -0 $!; done
echo $!`);
    this.resident = Number(pid);
    this.sysctls(settings);
  }

  private sysctls(settings: Record<string, string | number>): void {
    const lines = Object.entries(settings).map(
      ([name, value]) =>
        `{ echo '${value}' >/proc/sys/${name.replaceAll('.', '/')}; } 2>/dev/null || echo '${name}=${value}'`,
    );
    const refused = this.inTarget(`bash <<'END'\n${lines.join('\n')}\nEND`);
    for (const setting of refused.split('\n').filter((line) => line !== '')) {
      // On older kernels some settings apply to the whole host.
      const [name = ''] = setting.split('=');
      this.hostSettings.push(`'${name}=${sh(`sysctl -n ${name}`).trim()}'`);
      sh(`sysctl -qw '${setting}'`);
    }
  }

  sysctl(name: string, value: string | number): void {
    this.sysctls({ [name]: value });
  }

  inTarget(command: string): string {
    return sh(`${inside(this.target)} ${command}`);
  }

  /** Return the contents of a file in the target's /proc/net. */
  procNet(name: string): string {
    return readFileSync(`/proc/${this.resident}/net/${name}`, 'utf8');
  }

  private start(namespace: string, tool: string, args: string): Running {
    const [command = '', ...argv] = `${inside(namespace)} ${join(tools, tool)} ${args}`.split(
      /\s+/,
    );
    const child = spawn(command, argv, { stdio: ['ignore', 'pipe', 'pipe'] });
    const running = new Running(child, `${tool} ${args}`);
    this.running.push(running);
    return running;
  }

  /** Start a listener in the target's namespace, and wait until it listens. */
  async listener(args: string): Promise<Running> {
    const listener = this.start(this.target, 'listener', args);
    await listener.says('ready');
    return listener;
  }

  client(args: string): Running {
    return this.start(this.attacker, 'client', args);
  }

  /** Start synsend in the attacker's namespace, in the background. */
  sender(args: string, dst = this.address): Running {
    return this.start(this.attacker, 'synsend', `--dev ${this.device} --dst ${dst} ${args}`);
  }

  /** Run synsend, wait for its end, and return its counts. */
  async send(args: string, dst = this.address): Promise<Sent> {
    return JSON.parse(await this.sender(args, dst).done()) as Sent;
  }

  figures(): Figures {
    return parseStat(this.procNet('stat/tcpsynq'));
  }

  /** Return the first C line of a new tap: its figures add up even while traffic runs. */
  countLine(): Figures {
    const lines = this.inTarget("sed '/^C /q' /proc/net/tcpsynq").trimEnd().split('\n');
    const words = (start: string) =>
      lines
        .find((line) => line.startsWith(start))
        ?.slice(start.length)
        .split(' ') ?? [];
    const values = words('C ').map(Number);
    return Object.fromEntries(
      words('# C ').map((name, i) => [name, values[i]]),
    ) as unknown as Figures;
  }

  /** Count the kernel's half-opens. Starting ss each time took 15 million instructions more. */
  kernelHalfOpen(): number {
    const sockets = this.procNet('tcp') + this.procNet('tcp6');
    return sockets.match(/^ *\d+: \S+ \S+ 03 /gm)?.length ?? 0;
  }

  /** Return the figures and the kernel's count of one moment, once the traffic has stopped. */
  async settled(): Promise<{ figures: Figures; kernel: number }> {
    for (let tries = 0; tries < 20; tries++) {
      const before = this.figures();
      const kernel = this.kernelHalfOpen();
      const figures = this.figures();
      if (JSON.stringify(before) === JSON.stringify(figures)) return { figures, kernel };
      await sleep(200);
    }
    throw new Error('the traffic has not stopped');
  }

  /** Make 100 MPTCP connections from the attacker, with two joins each. */
  async joinByMptcp(): Promise<void> {
    const a = inside(this.attacker);
    // Red Hat's kernels disable MPTCP by default.
    for (const end of [this.attacker, this.target]) {
      sh(`${inside(end)} sysctl -q net.mptcp.enabled=1`);
    }
    this.inTarget('ip mptcp limits set subflow 4 add_addr_accepted 4');
    sh(`
      ip -n ${this.attacker} addr add 10.9.0.3/24 dev veth1
      ip -n ${this.attacker} addr add 10.9.0.4/24 dev veth1
      ${a} ip mptcp limits set subflow 4 add_addr_accepted 4
      ${a} ip mptcp endpoint add 10.9.0.3 dev veth1 subflow
      ${a} ip mptcp endpoint add 10.9.0.4 dev veth1 subflow
    `);
    await this.listener('--port 80 --backlog 1000 --accept hold --mptcp');
    const how = '--port 80 --count 100 --parallel 50 --bytes 10 --mptcp --keep 2';
    const { connected } = JSON.parse(await this.client(`--dst ${this.address} ${how}`).done());
    if (connected !== 100) throw new Error(`${connected} of 100 MPTCP connections`);
  }

  /** Return a counter of the target since its creation, by its name in nstat: TcpPassiveOpens. */
  nstat(name: string): number {
    const lines = `${this.procNet('snmp')}${this.procNet('netstat')}`.split('\n');
    for (let i = 0; i + 1 < lines.length; i += 2) {
      const [group = '', ...names] = lines[i]?.split(' ') ?? [];
      const at = names.findIndex((one) => `${group.slice(0, -1)}${one}` === name);
      if (at >= 0) return Number(lines[i + 1]?.split(' ')[at + 1]);
    }
    return Number.NaN;
  }

  listeners(): Record<string, string>[] {
    const [header = '', ...rows] = this.procNet('tcpsynq_listeners').trimEnd().split('\n');
    const names = header.split(' ');
    return rows.map((row) =>
      Object.fromEntries(row.split(' ').map((value, i) => [names[i] ?? '', value])),
    );
  }

  /** Wait until `ready` is true for the figures, and return them. */
  async until(ready: (f: Figures) => boolean, seconds = 60): Promise<Figures> {
    let f = this.figures();
    const now = () => {
      f = this.figures();
      return ready(f) && f;
    };
    const what = () => `${ready} of ${JSON.stringify(f)}`;
    return eventually(what, now, { limit: seconds * 1000, every: 50 });
  }

  /** Let every half-open expire at its next SYN-ACK timer, and wait for the last one. */
  empty(seconds = 120): Promise<Figures> {
    this.sysctl('net.ipv4.tcp_synack_retries', 0);
    return this.until((f) => f.half_open === 0, seconds);
  }

  /** Wait until a server in the attacker's namespace listens on a port. */
  async serves(port: number): Promise<void> {
    const listening = () => sh(`${inside(this.attacker)} ss -Hltn`).includes(`:${port}`);
    await eventually(`a listener on port ${port}`, listening);
  }

  /** Wait until every connection is closed, or in TIME_WAIT, at both ends. */
  async allClosed(): Promise<void> {
    let open = '';
    const none = () => {
      open = [this.target, this.attacker]
        .map((name) => sh(`${inside(name)} ss -Htan state connected exclude time-wait`))
        .join('');
      return open === '';
    };
    const what = () => `no connection but in TIME_WAIT; there are\n${open}`;
    await eventually(what, none, { every: 200 });
  }

  async remove(): Promise<void> {
    for (const running of this.running) {
      if (running.child.exitCode === null) running.signal('SIGKILL');
    }
    process.kill(this.resident, 'SIGKILL');
    sh(`ip netns del ${this.target} && ip netns del ${this.attacker}`);
    for (const setting of this.hostSettings.reverse()) sh(`sysctl -qw ${setting}`);
  }
}

// What the tests on a debug kernel share: a flood to run against, and what must hold once it is
// over. Whatever the kernel itself finds wrong is in its log, where lab/run looks.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { expect } from 'vitest';
import { eventually } from '../eventually.ts';
import {
  accepted,
  ended,
  type Link,
  lateCompletions,
  type Running,
  type Sent,
  sh,
  sleep,
  trySh,
} from '../vm/guest.ts';

export const TAP = '/proc/net/tcpsynq';
export const ALL_KINDS = 'kinds=count,event,sample,drop,close full=1 hook=both stack=1';

/** How often, or how long: fewer while something is being tried out. */
export const setting = (name: string, value: number): number => Number(process.env[name] ?? value);

/** A kernel of lab/debug-kernel has its own configuration in it. */
const config = existsSync('/proc/config.gz') ? sh('zcat /proc/config.gz') : '';
export const hasConfig = (name: string): boolean => config.includes(`\nCONFIG_${name}=y\n`);

const SHARES = '--complete 2 --reset 1 --abandon 1 --unreach 1 --then-reset';

/** Half-opens that end in every way there is, and some that are refused, until it is ended. */
export class Flood {
  private constructor(
    private readonly senders: Running[],
    private readonly listener: Running,
  ) {}

  /** A process in the target's namespace. */
  get pid(): number {
    return this.listener.child.pid ?? 0;
  }

  static async start(link: Link): Promise<Flood> {
    const rate = setting('FLOOD_RATE', 30);
    link.sysctl('net.ipv4.tcp_synack_retries', 1);
    const listener = await link.listener(
      '--port 80,81 --backlog 10000 --accept close --seconds 86000',
    );
    const senders = [80, 81].map((port, cpu) =>
      link.sender(
        `--dport ${port} --cpu ${cpu} --count 5000000 --rate ${rate} --seconds 86000 ${SHARES}`,
      ),
    );
    await eventually('the first half-opens', () => link.kernelHalfOpen() >= rate / 2, {
      limit: 120_000,
      every: 200,
    });
    return new Flood(senders, listener);
  }

  /** SYNs sent, none of them lost on the way. */
  async end(): Promise<number> {
    for (const sender of this.senders) sender.signal('SIGINT');
    const told = await Promise.all(this.senders.map((sender) => sender.done()));
    const sent = told.map((json) => JSON.parse(json) as Sent);
    for (const one of sent) expect(one.dev_tx_dropped).toBe(0);
    return sent.reduce((sum, one) => sum + one.syn_sent, 0);
  }

  /** Connections that were accepted; nobody listens any more. */
  accepted(): Promise<number> {
    return accepted(this.listener);
  }
}

/** What the figures are once the traffic has stopped. */
export async function expectExact(link: Link): Promise<void> {
  const { figures: f, kernel } = await link.settled();
  expect(f.half_open).toBe(kernel);
  expect(f.initial + f.added - ended(f)).toBe(f.half_open);
}

/** Under traffic: ss meets what was there throughout, and of what came and went some or none. */
export function expectInBounds(link: Link): void {
  const before = link.figures();
  const kernel = link.kernelHalfOpen();
  const after = link.figures();
  expect(kernel).toBeGreaterThanOrEqual(before.half_open - (ended(after) - ended(before)));
  expect(kernel).toBeLessThanOrEqual(before.half_open + after.added - before.added);
}

/**
 * Of a module that was there before the flood, which has left no half-open: against sender,
 * listener and kernel. TcpPassiveOpens has a handshake, too, whose timer was faster.
 */
export async function expectAllCounted(link: Link, flood: Flood, sent: number): Promise<void> {
  const opened = link.nstat('TcpPassiveOpens');
  const reset = link.nstat('TcpExtEmbryonicRsts');
  const f = link.figures();
  expect({
    syns: f.added + f.cookies + f.queue_full + f.accept_full,
    completed: f.completed + lateCompletions(link),
  }).toEqual({ syns: sent, completed: await flood.accepted() });
  expect(opened).toBeGreaterThanOrEqual(f.completed);
  // Where a RST meets the timer, which of them ended the half-open may be told otherwise.
  expect(Math.abs(f.reset - reset)).toBeLessThanOrEqual(reset / 1000);
}

/** Nothing of the module is left behind, but what has leaked. */
export function expectGone(): void {
  expect(existsSync('/sys/module/tcpsynq')).toBe(false);
  expect(readFileSync('/proc/modules', 'utf8')).not.toContain('tcpsynq');
  expect(trySh('ls -d /proc/net/tcpsynq* /proc/net/stat/tcpsynq').output).not.toMatch(/^\/proc/m);
  expect(readFileSync('/sys/kernel/tracing/enabled_functions', 'utf8')).toBe('');
  expect(readFileSync('/sys/kernel/debug/kprobes/list', 'utf8')).toBe('');
}

/** kmemleak reports to the kernel log what was not reachable in two scans, and here too. */
export async function expectNoLeaks(): Promise<void> {
  const file = '/sys/kernel/debug/kmemleak';
  if (!existsSync(file) || readFileSync('/proc/cmdline', 'utf8').includes('kmemleak=off')) {
    console.log('no kmemleak here: not looked for leaks');
    return;
  }
  // What RCU is still to free hangs on nothing that is scanned.
  await sleep(3000);
  for (let i = 0; i < 2; i++) {
    writeFileSync(file, 'scan');
    // It takes a block for leaked once it is some seconds old.
    await sleep(6000);
  }
  expect(readFileSync(file, 'utf8')).toBe('');
}

/** rmmod, as soon as no tap is open. */
export async function unloadSoon(): Promise<void> {
  for (let tries = 0; trySh('rmmod tcpsynq').status !== 0; tries++) {
    if (tries > 100) throw new Error('the module stays in use');
    await sleep(100);
  }
}

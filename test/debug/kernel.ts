// Shared by the tests on a debug kernel: a flood, and the checks to make after it. The kernel logs
// the faults that it finds itself, and lab/run checks that log.

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

/** Return a count or duration: from the environment, for example to shorten a run, or `value`. */
export const setting = (name: string, value: number): number => Number(process.env[name] ?? value);

/** The kernel's configuration, which kernels of lab/debug-kernel contain. */
const config = existsSync('/proc/config.gz') ? sh('zcat /proc/config.gz') : '';
export const hasConfig = (name: string): boolean => config.includes(`\nCONFIG_${name}=y\n`);

const SHARES = '--complete 2 --reset 1 --abandon 1 --unreach 1 --then-reset';

/** Half-opens that complete, expire, or end by a RST or an ICMP error, until end(). */
export class Flood {
  private constructor(
    private readonly senders: Running[],
    private readonly listener: Running,
  ) {}

  /** The id of a process in the target's namespace. */
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

  /** Stop the senders, expect their device to have dropped nothing, and return the SYNs sent. */
  async end(): Promise<number> {
    for (const sender of this.senders) sender.signal('SIGINT');
    const told = await Promise.all(this.senders.map((sender) => sender.done()));
    const sent = told.map((json) => JSON.parse(json) as Sent);
    for (const one of sent) expect(one.dev_tx_dropped).toBe(0);
    return sent.reduce((sum, one) => sum + one.syn_sent, 0);
  }

  /** Stop the listener, and return how many connections it accepted. */
  accepted(): Promise<number> {
    return accepted(this.listener);
  }
}

/** Expect the module to agree with the kernel once the traffic has stopped. */
export async function expectExact(link: Link): Promise<void> {
  const { figures: f, kernel } = await link.settled();
  expect(f.half_open).toBe(kernel);
  expect(f.initial + f.added - ended(f)).toBe(f.half_open);
}

/**
 * Expect the kernel's count to be possible while traffic runs. Its list has each half-open that
 * exists during the whole read, and may have those that begin or end meanwhile.
 */
export function expectInBounds(link: Link): void {
  const before = link.figures();
  const kernel = link.kernelHalfOpen();
  const after = link.figures();
  expect(kernel).toBeGreaterThanOrEqual(before.half_open - (ended(after) - ended(before)));
  expect(kernel).toBeLessThanOrEqual(before.half_open + after.added - before.added);
}

/**
 * Compare the counts with the sender, the listener and the kernel. The module was loaded before the
 * flood, and no half-open is left. TcpPassiveOpens includes handshakes that the timer ended first.
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
  // If a RST and the timer race, the module and the kernel may disagree about which one won.
  expect(Math.abs(f.reset - reset)).toBeLessThanOrEqual(reset / 1000);
}

/** Expect the module to have left no trace; expectNoLeaks() looks for leaked memory. */
export function expectGone(): void {
  expect(existsSync('/sys/module/tcpsynq')).toBe(false);
  expect(readFileSync('/proc/modules', 'utf8')).not.toContain('tcpsynq');
  expect(trySh('ls -d /proc/net/tcpsynq* /proc/net/stat/tcpsynq').output).not.toMatch(/^\/proc/m);
  expect(readFileSync('/sys/kernel/tracing/enabled_functions', 'utf8')).toBe('');
  expect(readFileSync('/sys/kernel/debug/kprobes/list', 'utf8')).toBe('');
}

/** Expect kmemleak to find nothing in two scans. It also reports leaks in the kernel log. */
export async function expectNoLeaks(): Promise<void> {
  const file = '/sys/kernel/debug/kmemleak';
  if (!existsSync(file) || readFileSync('/proc/cmdline', 'utf8').includes('kmemleak=off')) {
    console.log('no kmemleak here: not looked for leaks');
    return;
  }
  // Give RCU time to free its memory, which kmemleak would otherwise report.
  await sleep(3000);
  for (let i = 0; i < 2; i++) {
    writeFileSync(file, 'scan');
    // kmemleak reports a block only once it is some seconds old.
    await sleep(6000);
  }
  expect(readFileSync(file, 'utf8')).toBe('');
}

/** Unload the module as soon as no tap is open. */
export async function unloadSoon(): Promise<void> {
  for (let tries = 0; trySh('rmmod tcpsynq').status !== 0; tries++) {
    if (tries > 100) throw new Error('the module stays in use');
    await sleep(100);
  }
}

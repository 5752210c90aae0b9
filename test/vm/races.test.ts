// While two CPUs race, is the count exact, and can the module be loaded and unloaded? QEMU runs
// each CPU of this guest in a thread of its own (lab/vm), so that races happen.

import { existsSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { eventually } from '../eventually.ts';
import {
  accepted,
  ended,
  expectExact,
  expectSent,
  FLOOD,
  isKernel,
  isLoaded,
  Link,
  lateCompletions,
  load,
  movesRequests,
  requireGuest,
  unload,
} from './guest.ts';

requireGuest();

const N = FLOOD;
/** SYNs of a race: enough for two CPUs to race, except on debug kernels. */
const RACE = N < 5000 ? N : Math.max(N, 20_000);
let link: Link;

beforeEach(() => {
  link = new Link();
});
afterEach(async () => {
  if (isLoaded()) unload();
  await link.remove();
});

describe('loaded', () => {
  beforeEach(() => load());

  test('a third each completed, reset and abandoned, from two CPUs at once', async () => {
    await link.listener('--port 80,81 --backlog 400000 --accept close');
    const share = '--complete 1 --reset 1 --abandon 1 --then-reset';
    const [a, b] = await Promise.all([
      link.send(`--dport 80 --count ${N / 2} --cpu 0 ${share}`),
      link.send(`--dport 81 --count ${N / 2} --cpu 1 --first 1000000 ${share}`),
    ]);
    expectSent(a, N / 2);
    expectSent(b, N / 2);
    await expectExact(link);
    await link.empty();
    expect(await expectExact(link)).toMatchObject({
      half_open: 0,
      added: N,
      completed: a.completed + b.completed,
      reset: a.reset + b.reset,
      expired: a.abandoned + b.abandoned,
    });
  });

  test('accept queue full and emptied again while SYNs and ACKs race on two CPUs', async () => {
    await link.listener('--port 80,81 --backlog 50 --accept close');
    const share = '--complete 2 --abandon 1 --then-reset';
    const [a, b] = await Promise.all([
      link.send(`--dport 80-81 --count 20000 --cpu 0 ${share}`),
      link.send(`--dport 80-81 --count 20000 --cpu 1 --first 1000000 ${share}`),
    ]);
    const f = await expectExact(link);
    expect(f.added + f.cookies + f.queue_full + f.accept_full).toBe(a.syn_sent + b.syn_sent);
    await link.empty();
    await expectExact(link);
  });

  test('duplicate SYNs', async () => {
    await link.listener('--port 80 --backlog 400000');
    await link.send(`--dport 80 --count ${RACE / 5} --dup 2 --dup-race`);
    const { added } = await expectExact(link);
    // Older kernels queue both SYNs of a pair that arrives at the same moment.
    if (isKernel(6, 1)) expect(added).toBe(RACE / 5);
    await link.empty();
    expect(await expectExact(link)).toMatchObject({ added, expired: added });
  });

  test('duplicate RSTs', async () => {
    await link.listener('--port 80 --backlog 400000');
    // No half-open may expire, however late its RST arrives.
    link.sysctl('net.ipv4.tcp_synack_retries', 8);
    await link.send(`--dport 80 --count ${RACE / 2} --reset 100 --dup-reset 2 --dup-race`);
    await link.empty();
    const f = await expectExact(link);
    expect(f).toMatchObject({ added: RACE / 2, reset: RACE / 2 });
    const counted = link.nstat('TcpExtEmbryonicRsts');
    if (isKernel(5, 10)) expect(counted).toBe(RACE / 2);
    // Older kernels count both RSTs of a race, though only one ends the half-open.
    else expect(counted).toBeGreaterThanOrEqual(RACE / 2);
  });

  test.each([
    ['RSTs', '--reset 100'],
    ['duplicate RSTs', '--reset 100 --dup-reset 2 --dup-race'],
    ['final ACKs', '--complete 100 --then-reset'],
  ])('%s against the timer', async (_, how) => {
    const listener = await link.listener('--port 80 --backlog 400000 --accept close');
    // Without retries the timer ends a half-open 1 s after the SYN, or up to 64 ms later, since the
    // timer wheel rounds up.
    link.sysctl('net.ipv4.tcp_synack_retries', 0);
    const n = RACE / 2;
    const lateBefore = lateCompletions(link);
    // The timers run on the CPU that sent the SYNs; the answers come from the other one.
    await link.send(`--dport 80 --cpu 0 --count ${n} --hold 0.9-1.1 ${how}`);
    await link.empty();
    const f = await expectExact(link);
    expect(f.added).toBe(n);
    // Otherwise the answers and the timer did not race.
    expect(f.expired).toBeGreaterThan(0);
    expect(f.expired).toBeLessThan(f.added);
    // The kernel counts a child as opened before it knows whether the half-open still exists.
    const opened = link.nstat('TcpPassiveOpens');
    const counted = link.nstat('TcpExtEmbryonicRsts');
    const late = lateCompletions(link) - lateBefore;
    console.log(
      `${opened} opened, ${f.completed} completed, ${late} late; ` +
        `${counted} reset, ${f.reset} by our count`,
    );
    expect(f.completed).toBeLessThanOrEqual(opened);
    expect(f.completed + late).toBe(await accepted(listener));
    expect(late).toBeLessThanOrEqual(f.added / 100);
  });

  test.runIf(movesRequests).each([
    ['RSTs', '--reset 100'],
    ['final ACKs', '--complete 100 --then-reset'],
  ])('%s against the timer that moves a request', async (_, how) => {
    link.sysctl('net.ipv4.tcp_migrate_req', 1);
    const listener = await link.listener('--port 80 --backlog 400000 --reuseport 4 --accept close');
    const sender = link.sender(`--dport 80 --cpu 0 --count ${N} --hold 0.9-1.1 ${how}`);
    await link.until((f) => f.added === N);
    listener.signal('SIGUSR1');
    await listener.says('left 3');
    await sender.done();
    await link.empty();
    const f = await expectExact(link);
    expect(link.nstat('TcpExtTCPMigrateReqSuccess')).toBeGreaterThan(0);
    expect(f).toMatchObject({ half_open: 0, added: N });
  });

  test('namespaces come and go under load', async () => {
    await link.listener('--port 80 --backlog 400000');
    const rate = 0.4 * FLOOD;
    const sender = link.sender(
      `--dport 80 --count ${6 * rate} --rate ${rate} --reset 1 --abandon 1`,
    );
    for (let i = 0; i < 3; i++) {
      const other = new Link();
      await other.listener('--port 80 --backlog 10000');
      await other.send('--dport 80 --count 500');
      expect(other.figures()).toMatchObject({ added: 500, half_open: 500 });
      // The namespace still has half-opens: TCP purges them when the kernel removes it.
      await other.remove();
    }
    await sender.done();
    await expectExact(link);
    await link.empty();
    await expectExact(link);
  });
});

describe('loaded in mid-flood', () => {
  test('once', async () => {
    await link.listener('--port 80 --backlog 400000 --accept close');
    const sender = link.sender(
      `--dport 80 --count ${FLOOD} --rate ${FLOOD / 2} --complete 1 --reset 1 --abandon 2 --then-reset`,
    );
    await eventually('the first half-opens', () => link.kernelHalfOpen() >= FLOOD / 50);
    load();
    expect(link.figures().initial).toBeGreaterThanOrEqual(FLOOD / 50);
    await sender.done();
    await expectExact(link);
    await link.empty();
    await expectExact(link);
  });

  const RATE = FLOOD < 5000 ? 60 : FLOOD < 100_000 ? 1000 : 3000;
  /** 50 with the large floods of `make test-matrix`. */
  const LOADS = Math.max(3, Math.min(50, FLOOD / 2000));

  test(`unloaded and loaded again ${LOADS} times in mid-flood`, async () => {
    // During the test half-opens of every age begin, end, and move to another listener.
    link.sysctl('net.ipv4.tcp_synack_retries', 1);
    if (existsSync('/proc/sys/net/ipv4/tcp_migrate_req')) {
      link.sysctl('net.ipv4.tcp_migrate_req', 1);
    }
    const listener = await link.listener(
      `--port 80 --backlog 400000 --accept close --reuseport ${LOADS + 1}`,
    );
    const sender = link.sender(
      `--dport 80 --count 2000000 --rate ${RATE} --seconds 500 --complete 1 --reset 1 --abandon 1 --then-reset`,
    );
    await eventually('the first half-opens', () => link.kernelHalfOpen() >= FLOOD / 200);
    load();
    for (let i = 0; i < LOADS; i++) {
      unload();
      listener.signal('SIGUSR1');
      await eventually('half-opens', () => link.kernelHalfOpen() > 0);
      load();
      const f = link.countLine();
      expect(f.initial).toBeGreaterThan(0);
      expect(f.initial + f.added - ended(f)).toBe(f.half_open);
    }
    link.sysctl('net.ipv4.tcp_synack_retries', 6);
    sender.signal('SIGINT');
    await sender.done();
    await expectExact(link);
    await link.empty();
    await expectExact(link);
  });
});

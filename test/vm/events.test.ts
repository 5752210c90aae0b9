// Kinds A and R: every tap that asks gets one A and one R for each half-open, in the order of time.
// The module counts the records that a tap loses, and other taps do not lose them.

import { existsSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { eventually } from '../eventually.ts';
import { FLOOD, Link, load, queueRoom, requireGuest, sh, status, unload } from './guest.ts';
import { expectInOrder, of, Tap } from './tap.ts';

requireGuest();

let link: Link;
beforeAll(() => load());
afterAll(() => {
  expect(status()).toContain('taps 0 16');
  unload();
});
beforeEach(() => {
  link = new Link();
});
afterEach(() => link.remove());

test('one A and one R each, with the right outcome, from two CPUs, in the order of time', async () => {
  link.sysctl('net.ipv4.tcp_synack_retries', 1);
  await link.listener('--port 80,81 --backlog 400000 --accept close');
  const tap = await new Tap(link.target, 'kinds=count,event').ready();
  const count = (6 * FLOOD) / 100;
  const share = `--complete 1 --reset 1 --unreach 1 --abandon 1 --then-reset`;
  const [a, b] = await Promise.all([
    link.send(`--dport 80 --count ${count} --cpu 0 ${share}`),
    link.send(`--dport 81 --count ${count} --cpu 1 --first 1000000 ${share}`),
  ]);
  // Do not call empty(): the abandoned half-opens must get both SYN-ACKs.
  await link.until((f) => f.half_open === 0);
  const lines = await tap.stop();
  expectInOrder(lines);
  expect(of('L', lines)).toEqual([]);

  const added = of('A', lines);
  const removed = of('R', lines);
  const ends = (words: string[]) => `${words[2]} ${words[3]}`;
  expect(new Set(added.map(ends)).size).toBe(2 * count);
  expect(added.length).toBe(2 * count);
  expect(removed.map(ends).sort()).toEqual(added.map(ends).sort());

  const outcomes: Record<string, number> = {};
  for (const words of removed) {
    const outcome = words[5] ?? '';
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  }
  expect(outcomes).toEqual({
    completed: a.completed + b.completed,
    reset: a.reset + b.reset,
    unreachable: a.unreachable + b.unreachable,
    expired: a.abandoned + b.abandoned,
  });
  for (const words of added) {
    expect(words[2]).toMatch(/^10\.9\.0\.1:8[01]$/);
    expect(words[5]).toBe(String(queueRoom(400_000)));
  }
  for (const words of removed) {
    const [, , , , , outcome, age, synacks] = words;
    if (outcome === 'expired') {
      // The kernel repeats the SYN-ACK after 1 s, and gives up 2 s later.
      expect(Number(age)).toBeGreaterThan(2_900_000);
      expect(synacks).toBe('2');
    }
  }
});

test('three taps with different filters: each gets its own records', async () => {
  await link.listener('--port 80,81 --addr :: --backlog 400000');
  const taps = await Promise.all([
    new Tap(link.target, 'kinds=count,event port=80').ready(),
    new Tap(link.target, 'kinds=count,event addr=fd09::/16').ready(),
    new Tap(link.target, 'kinds=count,event addr=198.18.0.0/15 port=81').ready(),
  ]);
  await link.send('--dport 80 --count 300');
  await link.send('--dport 81 --count 200 --first 10000');
  await link.send('--dport 81 --count 100 --first 20000', link.address6);
  const [port80, v6, v4port81] = await Promise.all(taps.map((tap) => tap.stop()));
  expect(of('A', port80 ?? []).length).toBe(300);
  expect(of('A', v6 ?? []).length).toBe(100);
  expect(of('A', v6 ?? [])[0]?.[2]).toBe('[fd09::1]:81');
  expect(of('A', v4port81 ?? []).length).toBe(200);
  // A v4-mapped address prints as IPv4.
  expect(of('A', v4port81 ?? [])[0]?.[2]).toBe('10.9.0.1:81');
});

test('a tap that does not read loses records, others do not, and the sums add up', async () => {
  await link.listener('--port 80 --backlog 400000');
  // The buffer holds a few hundred events, so the reader must keep up.
  sh('echo 128 >/sys/module/tcpsynq/parameters/bufsize');
  const reading = await new Tap(link.target, 'kinds=count,event').ready();
  sh('rm -f /var/tmp/away /var/tmp/back; echo 16 >/sys/module/tcpsynq/parameters/bufsize');
  const asleep = new Tap(
    link.target,
    'kinds=count,event',
    'head -c 1 <&3 >/dev/null; touch /var/tmp/away; until [ -e /var/tmp/back ]; do sleep 0.1; done; exec cat <&3',
  );
  await eventually('/var/tmp/away', () => existsSync('/var/tmp/away'));
  const count = (4 * FLOOD) / 10;
  await link.send(`--dport 80 --count ${count} --rate ${count / 5}`);
  const all = await reading.stop();
  expect(of('A', all).length).toBe(count);
  expect(of('L', all)).toEqual([]);

  sh('touch /var/tmp/back');
  await asleep.ready();
  const lines = await asleep.stop();
  expectInOrder(lines);
  const [lost, ...more] = of('L', lines);
  expect(more).toEqual([]);
  expect(lost?.[2]).toBe('A');
  expect(Number(lost?.[5])).toBe(count);
  expect(of('A', lines).length + Number(lost?.[4])).toBe(count);
  expect(Number(lost?.[3])).toBe(Number(lost?.[4]));
  // The lost records are younger than those kept, so the L line follows all of these.
  const where = lines.indexOf(lost ?? []);
  expect(of('A', lines.slice(0, where)).length).toBe(of('A', lines).length);
  const c = of('C', lines).pop() ?? [];
  expect(c[18]).toBe(lost?.[4]);
});

test('nothing is recorded for a tap that asks for counts only', async () => {
  await link.listener('--port 80 --backlog 400000');
  const tap = await new Tap(link.target, 'kinds=count').ready();
  await link.send('--dport 80 --count 1000');
  const lines = await tap.stop();
  expect(lines.filter((words) => words[0] !== 'C')).toEqual([]);
});

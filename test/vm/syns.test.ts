// The SYN ledger: each SYN that asks for a new connection is in one counter, and in one record of
// kind A or Y.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  expectExact,
  type Figures,
  Link,
  load,
  queueRoom,
  requireGuest,
  status,
  unload,
} from './guest.ts';
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

/** Expect every SYN that was sent to be in one counter. */
function expectLedger(f: Figures, sent: number): void {
  const { added, cookies, queue_full, accept_full, refused_other, fastopen } = f;
  expect(added + cookies + queue_full + accept_full + refused_other + fastopen).toBe(f.syns);
  expect(f.syns).toBe(sent);
}

const tapOf = (kinds: string): Promise<Tap> => new Tap(link.target, `kinds=count,${kinds}`).ready();

/** Return how many Y lines have each answer. */
function answers(lines: string[][]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [, , , , answer = ''] of of('Y', lines)) counts[answer] = (counts[answer] ?? 0) + 1;
  return counts;
}

const remotes = (lines: string[][]): string[] => lines.map((words) => words[3] ?? '');

test('cookies: 4,000 SYNs at a backlog of 128 are 4,000 records', async () => {
  link.sysctl('net.ipv4.tcp_syncookies', 1);
  await link.listener('--port 80 --backlog 128 --accept no');
  const tap = await tapOf('event,syn');
  await link.send('--dport 80 --cpu 0 --count 4000');
  const f = await expectExact(link);
  expectLedger(f, 4000);
  const room = queueRoom(128);
  expect(f).toMatchObject({ added: room, cookies: 4000 - room });
  const lines = await tap.stop();
  expectInOrder(lines);
  expect(of('L', lines)).toEqual([]);
  expect(of('A', lines).length).toBe(room);
  expect(answers(lines)).toEqual({ cookie: 4000 - room });
  expect(new Set(remotes([...of('A', lines), ...of('Y', lines)])).size).toBe(4000);
  // The queue is as long as its limit, and the accept queue is empty.
  expect(of('Y', lines).at(-1)?.slice(5, 9)).toEqual([`${room}`, `${room}`, '0', '128']);
});

test('cookies that come back: a second record, with the same endpoints', async () => {
  link.sysctl('net.ipv4.tcp_syncookies', 1);
  await link.listener('--port 80 --addr :: --backlog 100 --accept close');
  const tap = await tapOf('syn');
  for (const to of [link.address, link.address6]) {
    await link.send('--dport 80 --count 1000 --complete 1 --abandon 1 --then-reset', to);
  }
  const f = await expectExact(link);
  expect(f.cookies_ok).toBeGreaterThan(0);
  const lines = await tap.stop();
  expect(answers(lines)).toEqual({ cookie: f.cookies, cookie_ok: f.cookies_ok });
  const sent = new Set(remotes(of('Y', lines).filter((words) => words[4] === 'cookie')));
  const back = of('Y', lines).filter((words) => words[4] === 'cookie_ok');
  expect(remotes(back).filter((remote) => !sent.has(remote))).toEqual([]);
  expect(back[0]?.slice(-7).join(' ')).toBe('- - - - - - -');
});

test('the queue is full: each refused SYN has its source', async () => {
  await link.listener('--port 80 --backlog 128 --accept no');
  const tap = await tapOf('syn');
  await link.send('--dport 80 --cpu 0 --count 4000');
  const f = await expectExact(link);
  expectLedger(f, 4000);
  const refused = 4000 - queueRoom(128);
  expect(f.queue_full).toBe(refused);
  const lines = await tap.stop();
  expect(answers(lines)).toEqual({ queue_full: refused });
  expect(new Set(remotes(of('Y', lines))).size).toBe(refused);
});

test('the three-quarters rule', async () => {
  link.sysctl('net.ipv4.tcp_max_syn_backlog', 1000);
  await link.listener('--port 80 --backlog 5000 --accept no');
  const tap = await tapOf('syn');
  await link.send('--dport 80 --count 2000');
  const f = await expectExact(link);
  expectLedger(f, 2000);
  expect(f).toMatchObject({ added: 751, queue_full: 1249 });
  expect(answers(await tap.stop())).toEqual({ queue_full: 1249 });
});

test('the accept queue is full: SYNs and final ACKs are counted separately', async () => {
  await link.listener('--port 80 --backlog 500 --accept no');
  const tap = await tapOf('syn');
  // The accept queue takes 501: 300, then 201 of another 400. The other final ACKs find it full.
  await link.send('--dport 80 --count 300 --complete 100');
  await link.send('--dport 80 --count 400 --complete 100 --first 10000 --hold 1');
  await link.send('--dport 80 --count 500 --first 20000');
  const f = await expectExact(link);
  expectLedger(f, 1200);
  expect(f).toMatchObject({ added: 700, completed: 501, accept_full: 500, acks_refused: 199 });
  expect(link.nstat('TcpExtListenOverflows')).toBe(699);
  const lines = await tap.stop();
  expect(answers(lines)).toEqual({ accept_full: 500 });
  expect(of('Y', lines)[0]?.slice(7, 9)).toEqual(['501', '500']);
});

test('ICMP errors between SYNs do not change the reason', async () => {
  await link.listener('--port 80 --backlog 500 --accept no');
  // These half-opens get their ICMP errors while the accept queue is full.
  const errors = link.sender('--dport 80 --count 100 --unreach 100 --hold 12-14 --cpu 0');
  await link.until((f) => f.added === 100);
  await link.send('--dport 80 --count 300 --complete 100 --first 10000 --cpu 0');
  await link.send('--dport 80 --count 201 --complete 100 --first 20000 --cpu 0');
  expect(link.figures()).toMatchObject({ added: 601, completed: 501, unreachable: 0 });
  await link.until((f) => f.unreachable > 0);
  const sent = await link.send('--dport 80 --count 400 --rate 300 --first 30000 --cpu 0');
  await errors.done();
  const f = await expectExact(link);
  expect(f).toMatchObject({ unreachable: 100, accept_full: sent.syn_sent, refused_other: 0 });
  expect(f.acks_refused).toBe(0);
});

test('no route back: refused for another reason', async () => {
  await link.listener('--port 80 --backlog 1000');
  // synsend's first sources are in this network.
  link.inTarget('ip route add unreachable 198.18.0.0/16');
  const tap = await tapOf('event,syn');
  const sent = await link.send('--dport 80 --count 300');
  const f = await expectExact(link);
  expectLedger(f, sent.syn_sent);
  expect(f.refused_other).toBeGreaterThan(0);
  expect(f.added).toBe(sent.synack_first);
  const lines = await tap.stop();
  expect(answers(lines)).toEqual({ other: f.refused_other });
  expect(remotes(of('Y', lines)).filter((end) => !end.startsWith('198.18.'))).toEqual([]);
});

test('Fast Open: a connection at once', async () => {
  link.sysctl('net.ipv4.tcp_fastopen', 3);
  await link.listener('--port 80 --backlog 1000 --fastopen 1000');
  const tap = await tapOf('event,syn');
  const connect = (count: number) =>
    link.client(`--dst ${link.address} --port 80 --count ${count} --bytes 10 --fastopen`).done();
  // The first one gets the cookie.
  await connect(1);
  const client = JSON.parse(await connect(20));
  expect(client.syn_data).toBe(20);
  const f = await expectExact(link);
  expectLedger(f, 21);
  expect(f).toMatchObject({ added: 1, fastopen: 20 });
  const lines = await tap.stop();
  expect(of('A', lines)[0]?.at(-1)).toContain('F');
  expect(answers(lines)).toEqual({ fastopen: 20 });
});

test('the last refused SYN is recorded without another one', async () => {
  link.sysctl('net.ipv4.tcp_max_syn_backlog', 100);
  await link.listener('--port 80 --backlog 1 --accept no');
  await link.send('--dport 80 --count 50');
  const before = link.figures();
  const tap = await tapOf('syn');
  await link.send('--dport 80 --count 1 --first 1000');
  await tap.shows(/^Y .* queue_full /m);
  expect(link.figures().queue_full).toBe(before.queue_full + 1);
  await tap.stop();
});

describe('fingerprints', () => {
  test.each([
    ['--abandon 1', '65535 64 - 44 1460 - M'],
    ['--tcp-ts', '65535 64 - 60 1460 7 MSTNW'],
  ])('of synsend %s', async (options, print) => {
    link.sysctl('net.ipv4.tcp_syncookies', 1);
    await link.listener('--port 80 --backlog 10 --accept no');
    const tap = await tapOf('event,syn');
    await link.send(`--dport 80 --count 100 ${options}`);
    const lines = await tap.stop();
    const anyId = (words: string[]) => [...words.slice(-7, -5), '-', ...words.slice(-4)].join(' ');
    const prints = [...of('A', lines), ...of('Y', lines)].map(anyId);
    expect(prints.length).toBe(100);
    expect(new Set(prints)).toEqual(new Set([print]));
  });

  test('over IPv6', async () => {
    link.sysctl('net.ipv4.tcp_syncookies', 1);
    await link.listener('--port 80 --addr fd09::1 --backlog 10 --accept no');
    const tap = await tapOf('event,syn');
    await link.send('--dport 80 --count 100', link.address6);
    const lines = await tap.stop();
    const seen = [...of('A', lines), ...of('Y', lines)];
    expect(new Set(seen.map((words) => words.slice(-7).join(' ')))).toEqual(
      new Set(['65535 64 - 64 1440 - M']),
    );
    expect(of('Y', lines)[0]?.[3]).toMatch(/^\[2001:db8:5:/);
  });
});

test('a namespace that dies with an open question leaves nothing', async () => {
  await link.listener('--port 80 --backlog 1 --accept no');
  await link.send('--dport 80 --count 50');
  const other = new Link();
  try {
    await link.remove();
    await other.listener('--port 80 --backlog 1000 --accept no');
    await other.send('--dport 80 --count 100');
    expectLedger(await expectExact(other), 100);
  } finally {
    await other.remove();
    link = new Link();
  }
});

// Is the count exact? Each test does one thing to half-open connections. It compares the module's
// figures with what the sender did, and with the kernel's own sockets.

import { existsSync, writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  accepted,
  expectExact,
  expectNoDoubt,
  expectSent,
  type Figures,
  FLOOD,
  inside,
  Link,
  load,
  movesRequests,
  queueRoom,
  requireGuest,
  type Sent,
  sh,
  unload,
} from './guest.ts';

requireGuest();

const N = FLOOD;
let link: Link;

beforeAll(() => load());
afterAll(() => {
  expectNoDoubt();
  unload();
});
beforeEach(() => {
  link = new Link();
});
afterEach(async () => {
  expectNoDoubt(link);
  await link.remove();
});

describe('one listener', () => {
  test('SYNs abandoned until they expire', async () => {
    const listener = await link.listener('--port 80 --backlog 400000 --accept no');
    link.sysctl('net.ipv4.tcp_synack_retries', 1);
    expectSent(await link.send(`--dport 80 --count ${N}`));
    await link.empty();
    expect(await expectExact(link)).toMatchObject({ half_open: 0, added: N, expired: N });
    await listener.stop();
  });

  test('SYNs abandoned, counted while they are half-open', async () => {
    await link.listener('--port 80 --backlog 400000 --accept no');
    expectSent(await link.send(`--dport 80 --count ${N}`));
    const queued = await expectExact(link);
    expect(queued).toMatchObject({ added: N, half_open: N });
  });

  test('all completed', async () => {
    await link.listener('--port 80 --backlog 400000 --accept close');
    const sent = await link.send(`--dport 80 --count ${N} --complete 100 --then-reset`);
    expectSent(sent);
    expect(sent.completed).toBe(N);
    await link.empty();
    expect(await expectExact(link)).toMatchObject({ half_open: 0, added: N, completed: N });
    expect(link.nstat('TcpPassiveOpens')).toBe(N);
  });

  test('all reset', async () => {
    await link.listener('--port 80 --backlog 400000');
    const sent = await link.send(`--dport 80 --count ${N} --reset 100`);
    expectSent(sent);
    expect(sent.reset).toBe(N);
    await link.empty();
    expect(await expectExact(link)).toMatchObject({ half_open: 0, added: N, reset: N });
  });

  test('the listener closes with half-opens queued', async () => {
    const listener = await link.listener('--port 80 --backlog 400000');
    expectSent(await link.send(`--dport 80 --count ${N / 5}`), N / 5);
    listener.signal('SIGUSR2');
    await listener.says('left 0');
    const f = link.figures();
    expect(f.half_open).toBe(N / 5 - f.closed);
    await link.empty();
    expect(await expectExact(link)).toMatchObject({ half_open: 0, added: N / 5, closed: N / 5 });
  });

  test('a listener that stops listening without closing', async () => {
    const listener = await link.listener('--port 80 --backlog 400000');
    expectSent(await link.send('--dport 80 --count 5000'), 5000);
    listener.signal('SIGHUP');
    await listener.says('shut');
    await link.empty();
    expect(await expectExact(link)).toMatchObject({ half_open: 0, added: 5000, closed: 5000 });
  });

  test('ICMP host unreachable', async () => {
    await link.listener('--port 80 --backlog 400000');
    const sent = await link.send(`--dport 80 --count ${N / 5} --unreach 100`);
    expectSent(sent, N / 5);
    expect(sent.unreachable).toBe(N / 5);
    await link.empty();
    expect(await expectExact(link)).toMatchObject({
      half_open: 0,
      added: N / 5,
      unreachable: N / 5,
    });
  });

  test('an ICMP error that is not fatal ends nothing', async () => {
    await link.listener('--port 80 --backlog 400000');
    const sent = await link.send('--dport 80 --count 2000 --unreach 100 --icmp 3/3');
    expect(sent.unreachable).toBe(2000);
    await link.empty();
    expect(await expectExact(link)).toMatchObject({ added: 2000, unreachable: 0, expired: 2000 });
  });

  test('ss -K', async () => {
    await link.listener('--port 80 --backlog 400000');
    expectSent(await link.send('--dport 80 --count 200'), 200);
    link.inTarget('ss -HK state syn-recv');
    expect(await expectExact(link)).toMatchObject({ half_open: 0, added: 200, reset: 200 });
  });

  test('RSTs from the peer by an in-window SYN', async () => {
    await link.listener('--port 80 --backlog 400000');
    const sent = await link.send('--dport 80 --count 2000 --reset 100 --reset-by syn');
    expect(sent.reset).toBe(2000);
    await link.empty();
    expect(await expectExact(link)).toMatchObject({ added: 2000, reset: 2000 });
  });
});

describe('refusals: SYNs sent = added + cookies + each refusal', () => {
  function expectAllAccounted(f: Figures, sent: Sent): void {
    expect(f.added + f.cookies + f.queue_full + f.accept_full).toBe(sent.syn_sent);
    expect(f.syns).toBe(sent.syn_sent);
  }

  test('SYN queue full, no cookies: the backlog fits, and from 6.1 on one more', async () => {
    await link.listener('--port 80 --backlog 1000 --accept no');
    const count = Math.max(N / 2, 2000);
    // Send from one CPU: two could both find room for the last half-open.
    const sent = await link.send(`--dport 80 --cpu 0 --count ${count}`);
    const f = await expectExact(link);
    expectAllAccounted(f, sent);
    const fit = queueRoom(1000);
    // Do not check half_open: the timer prunes a queue that is more than half full.
    expect(f).toMatchObject({ added: fit, queue_full: count - fit, cookies: 0 });
    expect(link.listeners()).toMatchObject([{ holds: String(fit), backlog: '1000', warned: '1' }]);
  });

  test('the three-quarters rule', async () => {
    link.sysctl('net.ipv4.tcp_max_syn_backlog', 1000);
    await link.listener('--port 80 --backlog 5000 --accept no');
    const count = Math.max(N / 5, 2000);
    const sent = await link.send(`--dport 80 --count ${count}`);
    const f = await expectExact(link);
    expectAllAccounted(f, sent);
    expect(link.listeners()).toMatchObject([{ holds: '751' }]);
    expect(f).toMatchObject({ added: 751, queue_full: count - 751 });
  });

  test('cookies on and the queue overflowing, half of them completed', async () => {
    link.sysctl('net.ipv4.tcp_syncookies', 1);
    await link.listener('--port 80 --backlog 1000 --accept close');
    const sent = await link.send(
      `--dport 80 --count ${2 * N} --complete 1 --abandon 1 --window 500 --then-reset`,
    );
    const f = await expectExact(link);
    expectAllAccounted(f, sent);
    expect(f.cookies).toBe(link.nstat('TcpExtSyncookiesSent'));
    expect(f.cookies_ok).toBe(link.nstat('TcpExtSyncookiesRecv'));
    expect(f.cookies).toBeGreaterThan(N / 5);
    expect(f.completed + f.cookies_ok).toBe(sent.completed);
    await link.empty();
    await expectExact(link);
  });

  test('bad cookies', async () => {
    link.sysctl('net.ipv4.tcp_syncookies', 1);
    await link.listener('--port 80 --backlog 100 --accept no');
    await link.send('--dport 80 --count 5000');
    const sent = await link.send('--dport 80 --count 2000 --first 100000 --bad-ack 100');
    expect(sent.bad_acks).toBe(2000);
    expect((await expectExact(link)).cookies_bad).toBe(2000);
  });

  test('cookies always (tcp_syncookies=2): nothing is ever half-open', async () => {
    link.sysctl('net.ipv4.tcp_syncookies', 2);
    await link.listener('--port 80 --backlog 1000 --accept no');
    const sent = await link.send('--dport 80 --count 5000');
    expect(link.listeners()).toMatchObject([{ qlen: '0', holds: '0' }]);
    expect(await expectExact(link)).toMatchObject({ added: 0, cookies: sent.syn_sent });
  });

  test('accept queue full: SYNs are distinguished from final ACKs', async () => {
    await link.listener('--port 80 --backlog 500 --accept no');
    // The accept queue takes 501: 300, then 201 of another 400. Then the kernel refuses SYNs.
    await link.send('--dport 80 --count 300 --complete 100');
    await link.send('--dport 80 --count 400 --complete 100 --first 10000 --hold 1');
    expect(await expectExact(link)).toMatchObject({ added: 700, completed: 501, accept_full: 0 });
    const sent = await link.send('--dport 80 --count 5000 --first 20000');
    const f = await expectExact(link);
    expect(f).toMatchObject({ added: 700, queue_full: 0, accept_full: sent.syn_sent });
    // The kernel's counter includes the 199 final ACKs that found the queue full.
    expect(link.nstat('TcpExtListenOverflows')).toBe(f.accept_full + 199);
  });
});

describe('addresses', () => {
  test('IPv6', async () => {
    await link.listener('--port 80 --addr fd09::1 --backlog 400000 --accept close');
    const sent = await link.send(
      `--dport 80 --count ${(3 * N) / 10} --complete 1 --reset 1 --unreach 1 --abandon 1 --then-reset`,
      link.address6,
    );
    expectSent(sent, (3 * N) / 10);
    await link.empty();
    expect(await expectExact(link)).toMatchObject({
      added: (3 * N) / 10,
      completed: sent.completed,
      reset: sent.reset,
      unreachable: sent.unreachable,
      expired: sent.abandoned,
    });
  });

  test('IPv4 on a dual-stack listener', async () => {
    await link.listener('--port 80 --addr :: --backlog 400000 --accept close');
    const share = `--count ${(3 * N) / 20} --complete 1 --reset 1 --abandon 1 --then-reset`;
    const v4 = await link.send(`--dport 80 ${share}`);
    const v6 = await link.send(`--dport 80 ${share}`, link.address6);
    await link.empty();
    expect(await expectExact(link)).toMatchObject({
      added: (3 * N) / 10,
      completed: v4.completed + v6.completed,
      reset: v4.reset + v6.reset,
      expired: v4.abandoned + v6.abandoned,
    });
  });

  test('accept queue full over IPv6 and on a dual-stack listener', async () => {
    await link.listener('--port 80 --addr :: --backlog 200 --accept no');
    const v4 = await link.send('--dport 80 --count 3000 --complete 100');
    const v6 = await link.send('--dport 80 --count 3000 --complete 100', link.address6);
    const f = await expectExact(link);
    expect(f.added + f.queue_full + f.accept_full).toBe(v4.syn_sent + v6.syn_sent);
  });
});

describe('paths that are not the plain handshake', () => {
  test('Fast Open children are not half-open', async () => {
    link.sysctl('net.ipv4.tcp_fastopen', 3);
    await link.listener('--port 80 --backlog 1000 --fastopen 1000');
    const fetch = JSON.parse(
      await link.client(`--dst ${link.address} --port 80 --count 1 --bytes 10 --fastopen`).done(),
    );
    expect(fetch.connected).toBe(1);
    const client = JSON.parse(
      await link
        .client(`--dst ${link.address} --port 80 --count 500 --parallel 20 --bytes 10 --fastopen`)
        .done(),
    );
    expect(client.connected).toBe(500);
    await link.empty();
    const children = link.nstat('TcpExtTCPFastOpenPassive');
    expect(children).toBeGreaterThan(400);
    const f = await expectExact(link);
    expect(f.added + children).toBe(501);
    expect(f.completed).toBe(f.added);
  });

  test('MPTCP joins', async ({ skip }) => {
    skip(!existsSync('/proc/sys/net/mptcp'), 'no MPTCP: it came with 5.6, if it is compiled in');
    await link.joinByMptcp();
    await link.empty();
    expect(link.nstat('MPTcpExtMPJoinAckRx')).toBe(200);
    expect(await expectExact(link)).toMatchObject({ half_open: 0, added: 300, completed: 300 });
  });

  test('TCP_DEFER_ACCEPT keeps a request half-open past its ACK', async () => {
    await link.listener('--port 80 --backlog 10000 --defer-accept 1 --accept close');
    const sent = await link.send('--dport 80 --count 1000 --complete 100');
    expect(sent.completed).toBe(1000);
    expect((await expectExact(link)).half_open).toBe(1000);
    await link.empty();
    await expectExact(link);
  });

  test.runIf(movesRequests).each([
    ['by the sysctl', 1, ''],
    ['by a BPF program', 0, ' --migrate'],
  ])(
    'requests that migrate between listeners of a reuseport group %s',
    async (_, sysctl, option) => {
      link.sysctl('net.ipv4.tcp_migrate_req', sysctl);
      const listener = await link.listener(
        `--port 80 --backlog 400000 --reuseport 4 --accept close${option}`,
      );
      const sender = link.sender(
        `--dport 80 --count ${N / 5} --complete 1 --abandon 1 --hold 2 --then-reset`,
      );
      await link.until((f) => f.added === N / 5);
      listener.signal('SIGUSR1');
      await listener.says('left 3');
      listener.signal('SIGUSR1');
      await listener.says('left 2');
      const sent = JSON.parse(await sender.done()) as Sent;
      expect(sent.completed).toBe(N / 10);
      await expectExact(link);
      await link.empty();
      const f = await expectExact(link);
      expect(link.nstat('TcpExtTCPMigrateReqSuccess')).toBeGreaterThan(N / 100);
      expect(f).toMatchObject({ added: N / 5, completed: N / 10 });
      expect(f.expired + f.closed).toBe(N / 10);
    },
  );

  test.runIf(movesRequests)('requests that expire when they would move', async () => {
    link.sysctl('net.ipv4.tcp_migrate_req', 1);
    const listener = await link.listener('--port 80 --backlog 400000 --reuseport 2 --accept close');
    await link.send(`--dport 80 --count ${N / 5} --abandon 1 --linger 0`);
    listener.signal('SIGUSR1');
    await listener.says('left 1');
    await link.empty();
    const f = await expectExact(link);
    expect(f).toMatchObject({ half_open: 0, added: N / 5 });
    expect(f.expired + f.closed).toBe(N / 5);
  });
});

describe('while the SYN-ACK is queued in a device', () => {
  const delayed = (ms: number) =>
    sh(`${inside(link.target)} tc qdisc add dev veth0 root netem limit 1000000 delay ${ms}ms`);

  test.each([
    ['the SYN-ACK gone', ''],
    ['in netem', 'netem limit 1000000 delay 2s'],
    ['in tbf', 'tbf rate 2mbit burst 2000 limit 100000000'],
  ])('a RST right behind each SYN, %s', async (_, qdisc) => {
    if (qdisc) sh(`${inside(link.target)} tc qdisc add dev veth0 root ${qdisc}`);
    await link.listener('--port 80 --backlog 400000');
    await link.send(
      `--dport 80 --cpu 0 --count ${N} --reset-behind --abandon 1 --blind --linger 0`,
    );
    // The count must be right at once, not only when the device has sent the SYN-ACKs.
    expect(await expectExact(link)).toMatchObject({ half_open: 0, added: N, reset: N });
  });

  test('a final ACK while the SYN-ACK is repeated', async () => {
    delayed(300);
    const listener = await link.listener('--port 80 --backlog 400000 --accept close');
    await link.send(`--dport 80 --count ${N} --complete 100 --hold 0.6-1.1 --then-reset`);
    const f = await expectExact(link);
    expect(link.nstat('TcpExtTCPSynRetrans')).toBeGreaterThan(0);
    expect(f).toMatchObject({ half_open: 0, added: N, completed: N });
    expect(await accepted(listener)).toBe(N);
  });

  test('half-opens expire while a repeated SYN-ACK is queued', async () => {
    delayed(3000);
    link.sysctl('net.ipv4.tcp_synack_retries', 1);
    await link.listener('--port 80 --backlog 400000');
    await link.send(`--dport 80 --count ${N / 5} --abandon 1 --linger 0`);
    await link.empty();
    expect(await expectExact(link)).toMatchObject({ half_open: 0, added: N / 5, expired: N / 5 });
  });
});

test('a namespace with a hash of its own', async ({ skip }) => {
  const setting = '/proc/sys/net/ipv4/tcp_child_ehash_entries';
  skip(!existsSync(setting), 'since 6.1');
  writeFileSync(setting, '1024');
  const own = new Link();
  writeFileSync(setting, '0');
  try {
    await own.listener('--port 80 --backlog 400000 --accept close');
    await own.send(`--dport 80 --count ${N / 5} --linger 0`);
    unload();
    load();
    expect(await expectExact(own)).toMatchObject({ half_open: N / 5, initial: N / 5, added: 0 });
    await own.empty();
    expect(await expectExact(own)).toMatchObject({ half_open: 0, expired: N / 5 });
  } finally {
    await own.remove();
  }
});

test('two namespaces at once: each counts only its own', async () => {
  const other = new Link();
  try {
    await link.listener('--port 80 --backlog 400000');
    await other.listener('--port 80 --backlog 400000');
    await Promise.all([
      link.send(`--dport 80 --count ${(3 * N) / 10}`),
      other.send(`--dport 80 --count ${N / 5} --reset 100`),
    ]);
    expect(await expectExact(link)).toMatchObject({ added: (3 * N) / 10, reset: 0 });
    await other.empty();
    expect(await expectExact(other)).toMatchObject({ added: N / 5, reset: N / 5, expired: 0 });
    await link.empty();
  } finally {
    await other.remove();
  }
});

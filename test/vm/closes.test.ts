// Kind X: each way to close a connection gives one record, with the right cause.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  inside,
  Link,
  load,
  PYTHON,
  requireGuest,
  sh,
  sleep,
  status,
  top,
  unload,
} from './guest.ts';
import { expectInOrder, of, Tap } from './tap.ts';

requireGuest();

const client = join(top, 'lab/tools/build/client');

let link: Link;
beforeEach(() => {
  link = new Link();
});
afterEach(() => link.remove());

interface Close {
  local: string;
  remote: string;
  state: string;
  cause: string;
  stack: string;
}

function closes(lines: string[][]): Close[] {
  expectInOrder(lines);
  expect(of('L', lines)).toEqual([]);
  return of('X', lines).map((words) => {
    expect(words.length).toBe(7);
    const [, , local, remote, state, cause, stack] = words as string[];
    return { local, remote, state, cause, stack } as Close;
  });
}

/** Count the closes by state and cause. */
function ways(found: Close[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { state, cause } of found) {
    counts[`${state} ${cause}`] = (counts[`${state} ${cause}`] ?? 0) + 1;
  }
  return counts;
}

const tapped = (filter: string) => new Tap(link.target, `kinds=count,close ${filter}`).ready();

/** Run Python in a namespace of the link, and return its stdout. */
const python = (namespace: string, program: string) =>
  sh(`${inside(namespace)} ${PYTHON} - <<'P'\nimport socket, struct, time\n${program}\nP`);

describe('with the module loaded', () => {
  beforeAll(() => load());
  afterAll(() => {
    expect(status()).toContain('taps 0 16');
    unload();
  });

  test.each([
    ['IPv4', '10.9.0.1', '10.9.0.1:80'],
    ['IPv6', 'fd09::1', '[fd09::1]:80'],
  ])('fin: the peer finishes first, or we do: %s', async (_, dst, local) => {
    // The first listener reads to the end, then closes; the second closes at once.
    await link.listener('--addr :: --port 80');
    await link.listener('--addr :: --port 81 --accept close');
    const tap = await tapped('');
    await link.client(`--dst ${dst} --port 80 --count 20 --bytes 100`).done();
    await link.client(`--dst ${dst} --port 81 --count 30`).done();
    await link.allClosed();
    const found = closes(await tap.stop());
    expect(ways(found.filter((c) => c.local === local))).toEqual({ 'LAST_ACK fin': 20 });
    // The two FINs race, so the state varies. Both come, so the cause does not.
    const ours = found.filter((c) => c.local === local.replace('80', '81'));
    expect(ours.length).toBe(30);
    expect(new Set(ours.map(({ cause }) => cause))).toEqual(new Set(['fin']));
    expect(new Set(found.map(({ local, remote }) => `${local} ${remote}`)).size).toBe(50);
  });

  test('fin: TIME_WAIT is not a second close', async () => {
    // The peer's FIN may overtake its delayed ACK. The target answers that late ACK, and the peer
    // answers with a RST, which would end the TIME_WAIT (RFC 1337, section 2).
    link.sysctl('net.ipv4.tcp_rfc1337', 1);
    await link.listener('--port 81 --accept close');
    const tap = await tapped('');
    python(
      link.attacker,
      `for _ in range(10):
    s = socket.create_connection(("10.9.0.1", 81))
    s.recv(1)
    s.close()`,
    );
    await link.allClosed();
    expect(link.inTarget('ss -Htan state time-wait').trimEnd().split('\n').length).toBe(10);
    // The peer's FIN comes with its ACK (FIN_WAIT1), or after it (FIN_WAIT2).
    const found = closes(await tap.stop());
    expect(found.length).toBe(10);
    expect(new Set(found.map(({ cause }) => cause))).toEqual(new Set(['fin']));
    expect(found.every(({ state }) => /^FIN_WAIT[12]$/.test(state))).toBe(true);
  });

  test('reset_received, and reset_sent at the other end', async () => {
    await link.listener('--port 80 --accept hold');
    const tap = await tapped('');
    const peer = await new Tap(link.attacker, 'kinds=count,close stack=1').ready();
    await link.client('--dst 10.9.0.1 --port 80 --count 25 --keep 0.2 --rst').done();
    await link.allClosed();
    expect(ways(closes(await tap.stop()))).toEqual({ 'ESTABLISHED reset_received': 25 });
    const theirs = closes(await peer.stop());
    expect(ways(theirs)).toEqual({ 'ESTABLISHED reset_sent': 25 });
    for (const { stack } of theirs) expect(stack).toMatch(/;tcp_disconnect\+0x[0-9a-f]+$/);
  });

  test('reset_received: no listener', async () => {
    const tap = await tapped('');
    link.inTarget('bash -c "exec 3<>/dev/tcp/10.9.0.2/9" 2>/dev/null || true');
    expect(ways(closes(await tap.stop()))).toEqual({ 'SYN_SENT reset_received': 1 });
  });

  test('reset_sent: data unread, SO_LINGER 0, before accept(), data after the close', async () => {
    const tap = await tapped('stack=1');
    // With a timeout above the 60 s of TIME_WAIT, the kernel keeps an orphan in FIN_WAIT2.
    // Otherwise it moves the orphan to TIME_WAIT at once.
    link.sysctl('net.ipv4.tcp_fin_timeout', 100);
    // Each way has its own port; the connections come one after the other.
    sh(`${inside(link.target)} ${PYTHON} - <<'P' &
import select, socket, struct, subprocess, time
listening = []
for port in range(80, 85):
    l = socket.socket()
    l.bind(("10.9.0.1", port))
    l.listen(8)
    listening.append(l)
c, _ = listening[0].accept(); c.recv(1, socket.MSG_PEEK); c.close()
c, _ = listening[1].accept(); c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)); c.close()
select.select([listening[2]], [], []); listening[2].close()
c, _ = listening[3].accept(); c.close()
c, _ = listening[4].accept()
# Wait for the peer's FIN (CLOSE_WAIT is 8), then drop its segments: no ACK arrives.
while c.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != 8:
    time.sleep(0.05)
subprocess.run(["nft", "-f", "-"], check=True, text=True, input="""
table ip lab {
  chain in { type filter hook input priority 0; tcp dport 84 drop; }
}""")
c.shutdown(socket.SHUT_WR)
c.close()
P
until ${inside(link.target)} ss -Hltn sport = :84 | grep -q :84; do sleep 0.05; done
${inside(link.attacker)} ${PYTHON} - <<'P'
import socket, time
def late(s):
    s.recv(1); time.sleep(0.5); s.send(b"too late"); time.sleep(0.5)
def unread(s):
    s.send(b"unread"); s.recv(1)
def left(s):
    s.send(b"unread"); s.close()
def read(s):
    s.recv(1)
for port, step in enumerate([unread, read, read, late, left], 80):
    s = socket.create_connection(("10.9.0.1", port))
    try:
        step(s)
    except ConnectionResetError:
        pass
P
wait`);
    const found = closes(await tap.stop());
    expect(found.map(({ state, cause }) => `${state} ${cause}`)).toEqual([
      'ESTABLISHED reset_sent',
      'ESTABLISHED reset_sent',
      'ESTABLISHED reset_sent',
      'FIN_WAIT2 reset_sent',
      'LAST_ACK reset_sent',
    ]);
    // The stacks distinguish the ways.
    expect(found[0]?.stack).toMatch(/tcp_close\+[^;]*$/);
    expect(found[1]?.stack).toMatch(/tcp_close\+[^;]*;tcp_disconnect\+[^;]*$/);
    expect(found[2]?.stack).toMatch(/inet_csk_listen_stop\+[^;]*;.*tcp_disconnect\+[^;]*$/);
    expect(found[3]?.stack).toMatch(/tcp_rcv_state_process\+/);
  });

  test('timeout: unanswered retransmissions, keepalives and SYNs', async () => {
    link.sysctl('net.ipv4.tcp_syn_retries', 1);
    const tap = await tapped('');
    python(
      link.target,
      `
import subprocess
l = socket.socket(); l.bind(("10.9.0.1", 90)); l.listen(8)
p = subprocess.Popen(["ip", "netns", "exec", "${link.attacker}", "${PYTHON}", "-c",
  "import socket, time; a = [socket.create_connection(('10.9.0.1', 90)) for _ in range(2)]; time.sleep(30)"])
c, _ = l.accept(); d, _ = l.accept()
c.setsockopt(socket.IPPROTO_TCP, 18, 1500)  # TCP_USER_TIMEOUT
d.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT):
    d.setsockopt(socket.IPPROTO_TCP, option, 1)
subprocess.run(["nft", "-f", "-"], check=True, text=True, input="""
table ip lab {
  chain in { type filter hook input priority 0; tcp dport 90 drop; }
}""")
c.send(b"into the dark")
for s in (c, d):
    try:
        s.recv(1)
    except TimeoutError:
        pass
p.kill()
try:
    # This SYN goes over loopback, where the rule drops it.
    socket.socket().connect(("10.9.0.1", 90))
except TimeoutError:
    pass
`,
    );
    const found = closes(await tap.stop());
    expect(ways(found.filter(({ local }) => local === '10.9.0.1:90'))).toEqual({
      'ESTABLISHED timeout': 2,
    });
    expect(ways(found.filter(({ remote }) => remote === '10.9.0.1:90'))).toEqual({
      'SYN_SENT timeout': 1,
    });
  });

  test('aborted: by ss -K, and an attempt given up', async () => {
    await link.listener('--port 80 --accept hold');
    sh(`${inside(link.attacker)} nft -f - <<'R'
table ip lab {
  chain in { type filter hook input priority 0; tcp dport 99 drop; }
}
R`);
    const tap = await tapped('');
    const client = link.client('--dst 10.9.0.1 --port 80 --count 3 --keep 60');
    const there = () => link.inTarget('ss -Htn state established sport = :80').split('\n').length;
    await expect.poll(there, { timeout: 50_000 }).toBe(3 + 1);
    link.inTarget('ss -K sport = :80');
    await client.stop();
    link.inTarget('timeout 1 bash -c "exec 3<>/dev/tcp/10.9.0.2/99" || true');
    const found = closes(await tap.stop());
    expect(ways(found.filter(({ local }) => local === '10.9.0.1:80'))).toEqual({
      'ESTABLISHED aborted': 3,
    });
    expect(ways(found.filter(({ remote }) => remote === '10.9.0.2:99'))).toEqual({
      'SYN_SENT aborted': 1,
    });
  });

  test('icmp: a router on the way answers that there is no route', async () => {
    sh(`ip -n ${link.target} route add 10.99.0.0/24 via 10.9.0.2
        ip -n ${link.attacker} route add unreachable 10.99.0.0/24
        ${inside(link.attacker)} sysctl -qw net.ipv4.ip_forward=1`);
    const tap = await tapped('');
    expect(
      python(
        link.target,
        `
try:
    socket.socket().connect(("10.99.0.1", 80))
except OSError as e:
    print(e.strerror)`,
      ),
    ).toBe('No route to host\n');
    const found = closes(await tap.stop());
    expect(ways(found)).toEqual({ 'SYN_SENT icmp': 1 });
    expect(found[0]?.remote).toBe('10.99.0.1:80');
  });

  test('tcpsynq closes: every close, counted by cause', async () => {
    await link.listener('--port 80 --accept hold');
    const run = `node ${top}/dist/cli.js closes`;
    sh(`
      ${inside(link.target)} ${run} --json -n 25 >/var/tmp/closes.out 2>/var/tmp/closes.err &
      ${inside(link.target)} ${run} --json --by cause --interval 1s >/var/tmp/by.out 2>&1 & by=$!
      until grep -q 'taps 2 ' /proc/net/tcpsynq_status; do sleep 0.1; done; sleep 1
      ${inside(link.attacker)} ${client} --dst 10.9.0.1 --port 80 --count 25 --keep 0.2 --rst >/dev/null
      until grep -q '"total":25' /var/tmp/by.out; do sleep 0.1; done
      kill $by; wait`);
    const lines = readFileSync('/var/tmp/closes.out', 'utf8').trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line).cause)).toEqual(Array(25).fill('reset_received'));
    expect(readFileSync('/var/tmp/closes.err', 'utf8')).toMatch(
      /^tcpsynq: 25 closes in .*, reset_received 25 \(100 %\)$/m,
    );
    const last = readFileSync('/var/tmp/by.out', 'utf8').match(/^\{.*"total":25.*$/m)?.[0] ?? '';
    expect(JSON.parse(last).groups).toMatchObject([{ cause: 'reset_received', total: 25 }]);
  });

  test('listeners and half-opens are not connections, so they have no line', async () => {
    const listener = await link.listener('--port 80 --accept no');
    const tap = await tapped('');
    await link.send('--dport 80 --count 50 --reset 50 --abandon 50');
    await listener.stop();
    await sleep(200);
    expect(closes(await tap.stop())).toEqual([]);
  });

  test('filters: port and address', async () => {
    await link.listener('--port 80,81');
    const [eighty, other] = await Promise.all([tapped('port=80'), tapped('addr=10.8.0.0/16')]);
    await link.client('--dst 10.9.0.1 --port 80-81 --count 40 --bytes 1').done();
    await link.allClosed();
    expect(ways(closes(await eighty.stop()))).toEqual({ 'LAST_ACK fin': 20 });
    expect(closes(await other.stop())).toEqual([]);
  });
});

// At the first instruction of a function, kernels with frame pointers omit the caller from the
// stack.
test('attached by kprobes: the stack ends in the function that closed it', async () => {
  load('via=kprobe');
  try {
    await link.listener('--port 80 --accept hold');
    const peer = await new Tap(link.attacker, 'kinds=count,close stack=1').ready();
    await link.client('--dst 10.9.0.1 --port 80 --count 5 --keep 0.2 --rst').done();
    await link.allClosed();
    const found = closes(await peer.stop());
    expect(ways(found)).toEqual({ 'ESTABLISHED reset_sent': 5 });
    for (const { stack } of found) {
      expect(stack).toMatch(/;tcp_close\+[^;]*;(__tcp_close\+[^;]*;)?tcp_disconnect\+0x[0-9a-f]+$/);
    }
  } finally {
    unload();
  }
});

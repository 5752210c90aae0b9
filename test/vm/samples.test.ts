// Kind S: samples of connections agree with the kernel's own tracepoint and with ss.

import { closeSync, existsSync, openSync, readFileSync, readSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { COLUMNS } from '../../src/stream/schema.ts';
import { eventually } from '../eventually.ts';
import {
  expectNoDoubt,
  inside,
  isKernel,
  Link,
  load,
  PYTHON,
  requireGuest,
  sh,
  sleep,
  status,
  unload,
} from './guest.ts';
import { expectInOrder, of, Tap } from './tap.ts';

requireGuest();

const TRACING = '/sys/kernel/tracing';
const TCP_PROBE_LINE =
  /^\d+\.\d{9} \S+:\d+ \S+:\d+ \d+ 0x[0-9a-f]+ 0x[0-9a-f]+ \d+ \d+ \d+ \d+ \d+$/;

let link: Link;
beforeEach(() => {
  link = new Link();
});
afterEach(() => link.remove());

/** Run iperf3: the attacker receives, and the target sends, so that samples show its cwnd. */
async function iperf(options: string, address = '10.9.0.2'): Promise<void> {
  sh(`${inside(link.attacker)} iperf3 -s -1 -D --forceflush`);
  await link.serves(5201);
  link.inTarget(`iperf3 -c ${address} ${options} >/var/tmp/iperf.log`);
}

const netem = (what: string) =>
  sh(`${inside(link.target)} tc qdisc add dev veth0 root netem ${what}`);

type Fields = Record<string, string>;

/** Return the samples of each connection, with the columns of docs/format.md. */
function byConnection(lines: string[][]): Map<string, Fields[]> {
  const columns = ['kind', ...COLUMNS.S];
  const found = new Map<string, Fields[]>();
  for (const words of of('S', lines)) {
    expect(words.length).toBe(columns.length);
    const fields = Object.fromEntries(columns.map((name, i) => [name, words[i] ?? '']));
    const key = `${fields.local} ${fields.remote}`;
    found.set(key, [...(found.get(key) ?? []), fields]);
  }
  return found;
}

/** Return what tcp:tcp_probe recorded for each connection from that local address. */
function tracepoint(address: string): Map<string, Fields[]> {
  const found = new Map<string, Fields[]>();
  for (const line of readFileSync(`${TRACING}/trace`, 'utf8').split('\n')) {
    const text = /tcp_probe: (.*)$/.exec(line)?.[1];
    if (text === undefined) continue;
    const fields = Object.fromEntries(text.split(' ').map((pair) => pair.split('='))) as Fields;
    if (!fields.src?.startsWith(address)) continue;
    const key = `${fields.src} ${fields.dest}`;
    found.set(key, [...(found.get(key) ?? []), fields]);
  }
  return found;
}

describe('with the module loaded', () => {
  // Keep the hooks attached long enough for a loop that opens taps.
  beforeAll(() => load('linger_ms=2000'));
  afterAll(() => {
    expect(status()).toContain('taps 0 16');
    unload();
  });

  test.for([
    ['IPv4', '10.9.0.2', '10.9.0.1:'],
    ['IPv6', 'fd09::2', '[fd09::1]:'],
  ] as const)(
    'agree field for field with tcp:tcp_probe over a lossy link: %s',
    async ([_, peer, own], { skip }) => {
      skip(!existsSync(`${TRACING}/events/tcp/tcp_probe`), 'tcp:tcp_probe came with 4.16');
      netem('delay 20ms loss 1%');
      // The tracer's default clock is local to each CPU, so lines of two CPUs may be out of order.
      sh(`cd ${TRACING}; echo 65536 >buffer_size_kb; echo mono >trace_clock; echo >trace`);
      sh(`echo 1 >${TRACING}/events/tcp/tcp_probe/enable`);
      const tap = await new Tap(link.target, 'kinds=count,sample full=1').ready();
      await iperf('-t 4 -P 2', peer);
      await link.allClosed();
      sh(`echo 0 >${TRACING}/events/tcp/tcp_probe/enable`);
      const lines = await tap.stop();
      expectInOrder(lines);
      expect(of('L', lines)).toEqual([]);

      const theirs = tracepoint(own);
      const ours = byConnection(lines);
      // One connection for control, two for data.
      expect(theirs.size).toBe(3);
      expect([...ours.keys()].sort()).toEqual([...theirs.keys()].sort());
      let segments = 0;
      for (const [key, samples] of ours) {
        expect(
          samples.map((s) => ({
            snd_nxt: s.snd_nxt,
            snd_una: s.snd_una,
            snd_cwnd: s.snd_cwnd,
            ssthresh: s.ssthresh,
            snd_wnd: s.snd_wnd,
            srtt: s.srtt_us,
            rcv_wnd: s.rcv_wnd,
            sock_cookie: Number(s.cookie).toString(16),
          })),
        ).toEqual(
          theirs
            .get(key)
            ?.map(
              ({ snd_nxt, snd_una, snd_cwnd, ssthresh, snd_wnd, srtt, rcv_wnd, sock_cookie }) => ({
                snd_nxt,
                snd_una,
                snd_cwnd,
                ssthresh,
                snd_wnd,
                srtt,
                rcv_wnd,
                sock_cookie,
              }),
            ),
        );
        segments += samples.length;
      }
      expect(segments).toBeGreaterThan(500);
      const all = [...ours.values()].flat();
      // Segments were lost, so the windows shrank.
      expect(new Set(all.map((s) => s.ca_state)).has('Recovery')).toBe(true);
      expect(Math.max(...all.map((s) => Number(s.retrans)))).toBeGreaterThan(0);
      // The tracepoint's length leaves out the TCP header, which is 20 to 60 bytes.
      expect(Math.min(...all.map((s) => Number(s.length)))).toBeGreaterThanOrEqual(20);
    },
  );

  test('agree with ss at rest', async () => {
    netem('delay 10ms');
    const tap = await new Tap(link.target, 'kinds=count,sample full=1 port=7000').ready();
    // The peer answers the bulk data with one byte, and sends another after ss has run.
    const looked = '/tmp/ss-has-looked';
    const peer = `
import os, socket, time
s = socket.create_server(('10.9.0.2', 7000))
c = s.accept()[0]
n = 0
while n < 300000: n += len(c.recv(65536))
c.sendall(b'x')
while not os.path.exists('${looked}'): time.sleep(0.05)
c.sendall(b'y')
c.recv(1)`;
    const own = `
import socket, subprocess, time
c = socket.create_connection(('10.9.0.2', 7000))
c.sendall(b'd' * 300000)
c.recv(1)
time.sleep(1.5)
print(subprocess.run(['ss', '-Htine', 'dport', '=', '7000'], capture_output=True, text=True).stdout)
open('${looked}', 'w').close()
c.recv(1)`;
    sh(`rm -f ${looked}; ${inside(link.attacker)} ${PYTHON} -c "${peer}" >/dev/null 2>&1 &`);
    await link.serves(7000);
    const ss = link.inTarget(`${PYTHON} -c "${own}"`);
    const samples = [...byConnection(await tap.stop()).values()][0] ?? [];
    const word = (pattern: RegExp) => pattern.exec(ss)?.[1];
    // The module takes this sample when the last byte arrives, before TCP processes it.
    const last = samples.findLast((s) => s.length === '33');
    expect(samples.length).toBeGreaterThan(5);
    expect({
      cwnd: last?.snd_cwnd,
      rtt: (Number(last?.srtt_us) / 1000).toString(),
      mss: last?.mss,
      acked: last?.bytes_acked,
      minrtt: (Number(last?.min_rtt_us) / 1000).toString(),
      rto: (Number(last?.rto_us) / 1000).toString(),
      cookie: Number(last?.cookie).toString(16),
    }).toEqual({
      cwnd: word(/cwnd:(\d+)/),
      rtt: Number(word(/ rtt:([\d.]+)\//)).toString(),
      mss: word(/ mss:(\d+)/),
      acked: word(/bytes_acked:(\d+)/),
      minrtt: Number(word(/minrtt:([\d.]+)/)).toString(),
      rto: word(/rto:(\d+)/),
      cookie: word(/sk:([0-9a-f]+)/),
    });
    expect(last).toMatchObject({ ca_name: 'cubic', ca_state: 'Open', wqueue: '0', rqueue: '0' });
    expect(Number(last?.rttvar_us) / 1000).toBeCloseTo(Number(word(/rtt:[\d.]+\/([\d.]+)/)), 2);
  });

  test("full=0 omits the samples of full=1 that repeat the connection's own cwnd", async () => {
    netem('delay 5ms loss 1%');
    const [full, changed, sent] = await Promise.all(
      ['full=1', 'full=0', 'full=1 hook=both'].map((filter) =>
        new Tap(link.target, `kinds=count,sample ${filter}`).ready(),
      ),
    );
    await iperf('-n 1M -P 4');
    const [all, fewer, both] = await Promise.all(
      [full, changed, sent].map(async (tap) => {
        const lines = (await tap?.stop()) ?? [];
        expect(of('L', lines)).toEqual([]);
        return byConnection(lines);
      }),
    );
    expect(all?.size).toBe(5);
    const cwnds = (samples?: Fields[]) => samples?.map((s) => [s.snd_nxt, s.snd_una, s.snd_cwnd]);
    let kept = 0;
    for (const [key, samples] of all ?? []) {
      const changes = samples.filter((s, i) => s.snd_cwnd !== samples[i - 1]?.snd_cwnd);
      expect(cwnds(fewer?.get(key))).toEqual(cwnds(changes));
      kept += changes.length;
      const received = both?.get(key)?.filter((s) => s.hook === 'rcv');
      expect(cwnds(received)).toEqual(cwnds(samples));
      expect(both?.get(key)?.some((s) => s.hook === 'xmit')).toBe(true);
    }
    expect(kept).toBeGreaterThan(20);
  });

  test('filters: each tap gets its own; only a tap that does not read loses records', async () => {
    const taps = await Promise.all(
      ['port=5201', 'addr=fd09::/64', 'fwmark=7', 'addr=192.0.2.0/24'].map((filter) =>
        new Tap(link.target, `kinds=count,sample full=1 ${filter}`).ready(),
      ),
    );
    // Give this tap a small buffer, and a reader that pauses until /var/tmp/back exists.
    sh('echo 16 >/sys/module/tcpsynq/parameters/bufsize; rm -f /var/tmp/away /var/tmp/back');
    const asleep = new Tap(
      link.target,
      'kinds=count,sample full=1',
      'head -c 1 <&3 >/dev/null; touch /var/tmp/away; until [ -e /var/tmp/back ]; do sleep 0.1; done; exec cat <&3',
    );
    await eventually('/var/tmp/away', () => existsSync('/var/tmp/away'));
    sh('echo 4096 >/sys/module/tcpsynq/parameters/bufsize');
    link.inTarget('tc qdisc add dev veth0 clsact');
    link.inTarget('tc filter add dev veth0 ingress protocol ip matchall action skbedit mark 7');
    await iperf('-n 20M');
    await iperf('-n 2M', 'fd09::2');
    sh('touch /var/tmp/back');
    await asleep.ready();
    const [port, v6, mark, none] = await Promise.all(
      taps.map(async (tap) => of('S', await tap.stop())),
    );
    const late = await asleep.stop();
    expect(none).toEqual([]);
    expect(v6?.length).toBeGreaterThan(10);
    expect(v6?.every((words) => words[2]?.startsWith('[fd09::1]:'))).toBe(true);
    // Only IPv4 segments arrive with the mark.
    const v4 = port?.filter((words) => words[2]?.startsWith('10.9.0.1:')) ?? [];
    expect(mark?.map((words) => words.slice(2))).toEqual(v4.map((words) => words.slice(2)));
    expect(port?.length).toBe((v6?.length ?? 0) + v4.length);
    const loss = of('L', late).at(-1);
    expect(loss?.[2]).toBe('S');
    expect(Number(loss?.[4])).toBeGreaterThan(0);
    expect(of('S', late).length + Number(loss?.[4])).toBe(Number(loss?.[5]));
    expect(Number(loss?.[5])).toBe(port?.length);
  });

  test('hooks are attached only on demand, and a loop of taps patches no text', async () => {
    const hook = (symbol: string) =>
      status()
        .find((line) => line.startsWith(`hook ${symbol} `))
        ?.split(' ')[2];
    const patched = () => readFileSync(`${TRACING}/enabled_functions`, 'utf8');
    await eventually('idle hooks', () => hook('tcp_rcv_established') === 'idle');
    expect(patched()).not.toContain('tcp_rcv_established');
    const tap = await new Tap(link.target, 'kinds=count,sample').ready();
    expect(hook('tcp_rcv_established')).toBe('ftrace');
    expect(hook(isKernel(4, 16) ? '__tcp_transmit_skb' : 'tcp_transmit_skb')).toBe('idle');
    expect(patched()).toContain('tcp_rcv_established');
    await tap.stop();
    for (let i = 0; i < 50; i++) {
      const open = openSync('/proc/net/tcpsynq', 'r');
      readSync(open, Buffer.alloc(4096));
      closeSync(open);
      expect(patched()).toContain('tcp_rcv_established');
    }
    expect(hook('tcp_rcv_established')).toBe('ftrace');
    // They go linger_ms after the last tap.
    await eventually('idle hooks', () => hook('tcp_rcv_established') === 'idle');
    expect(patched()).not.toContain('tcp_rcv_established');
    expectNoDoubt();
  });

  test('latency_ms: a reader is not woken before it', async () => {
    const poll = `
import os, select, socket
fd = os.open('/proc/net/tcpsynq', os.O_RDWR | os.O_NONBLOCK)
os.write(fd, b'kinds=sample full=1 latency_ms=4000')
os.read(fd, 65536)
s = socket.create_server(('127.0.0.1', 7001))
c = socket.create_connection(('127.0.0.1', 7001))
c.sendall(b'x')
print(len(select.select([fd], [], [], 6)[0]), os.read(fd, 65536).count(b'S '))
os.write(fd, b'latency_ms=0')
try: os.read(fd, 65536)
except BlockingIOError: pass
c.sendall(b'x')
print(len(select.select([fd], [], [], 3)[0]), os.read(fd, 65536).count(b'S ') > 0)`;
    const lines = link.inTarget(`${PYTHON} -c "${poll}"`).trim().split('\n');
    expect(lines[0]).toMatch(/^1 [1-9]/);
    expect(lines[1]).toBe('1 True');
  });

  test('a read that waits returns sooner when a buffer is half full, or for an empty write', () => {
    const script = `
import os, select, socket, threading
os.sched_setaffinity(0, {0})
s = socket.create_server(('127.0.0.1', 7002))
c = socket.create_connection(('127.0.0.1', 7002))
p, _ = s.accept()
def reader(bufsize):
    open('/sys/module/tcpsynq/parameters/bufsize', 'w').write(str(bufsize))
    fd = os.open('/proc/net/tcpsynq', os.O_RDWR)
    os.write(fd, b'kinds=sample full=1 latency_ms=10000')
    os.read(fd, 65536)
    read = []
    thread = threading.Thread(target=lambda: read.append(os.read(fd, 65536)), daemon=True)
    thread.start()
    return fd, read, thread
def send(n):
    for _ in range(n):
        c.sendall(b'x')
        p.recv(1)

fd, read, thread = reader(4096)
send(3)
thread.join(1)
waits = thread.is_alive()
os.write(fd, b'')
thread.join(5)
print(waits, read[0].count(b'S ') >= 3)

print(select.select([fd], [], [], 0)[0] == [fd], os.read(fd, 65536))
print(select.select([fd], [], [], 0)[0])

fd, read, thread = reader(4096)
os.write(fd, b'')
thread.join(5)
print(read)

fd, read, thread = reader(16)
send(40)
thread.join(5)
print(read[0].count(b'S ') >= 8)
open('/sys/module/tcpsynq/parameters/bufsize', 'w').write('4096')`;
    expect(link.inTarget(`${PYTHON} -c "${script}"`)).toBe(
      "True True\nTrue b''\n[]\n[b'']\nTrue\n",
    );
  });
});

describe('as tcp_probe', () => {
  afterEach(() => unload());

  test('insmod format=tcpprobe port=5201, cat: its lines and nothing else', async () => {
    load('format=tcpprobe port=5201 full=1');
    sh(
      `${inside(link.target)} bash -c 'cat /proc/net/tcpsynq >/var/tmp/data.out 2>/dev/null & echo $! >/var/tmp/cat.pid'; sleep 0.5`,
    );
    await iperf('-n 5M');
    await sleep(300);
    sh('kill $(cat /var/tmp/cat.pid)');
    const lines = readFileSync('/var/tmp/data.out', 'latin1').trimEnd().split('\n');
    expect(lines.length).toBeGreaterThan(20);
    for (const line of lines) expect(line).toMatch(TCP_PROBE_LINE);
  });
});

// trace and plot on the real module: a transfer over a lossy link.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { inside, Link, load, requireGuest, sh, sleep, tapsOpen, top, unload } from './guest.ts';

requireGuest();

const tcpsynq = `node ${top}/dist/cli.js`;

let link: Link;
beforeAll(() => load());
beforeEach(() => {
  link = new Link();
});
afterEach(() => link.remove());
afterAll(() => unload());

/** Run `script` while the target sends to the attacker over a link with delay and loss. */
async function transfer(seconds: number, script: string): Promise<void> {
  sh(`${inside(link.target)} tc qdisc add dev veth0 root netem delay 20ms`);
  // Drop every 200th segment: random losses might all happen before the window is large.
  sh(`${inside(link.attacker)} nft -f - <<'END'
table inet loss {
  chain in { type filter hook input priority 0; tcp dport 5201 numgen inc mod 200 == 199 drop; }
}
END`);
  sh(`${inside(link.attacker)} iperf3 -s -1 -D --forceflush`);
  await link.serves(5201);
  const child = spawn('bash', ['-c', script], { stdio: 'ignore' });
  const closed = once(child, 'close');
  await tapsOpen(1);
  link.inTarget(`iperf3 -c 10.9.0.2 -t ${seconds} >/var/tmp/iperf.log`);
  await sleep(1500);
  child.kill('SIGTERM');
  await closed;
}

test('trace: a line per interval, with values that fit the link', async () => {
  const log = '/var/tmp/trace.out';
  await transfer(
    6,
    `exec ${tcpsynq} --netns ${link.target} trace --full --port 5201 --json >${log} 2>/var/tmp/trace.err`,
  );
  const lines = readFileSync(log, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  const busiest = lines.filter(({ samples }) => samples > 50);
  expect(busiest.length).toBeGreaterThanOrEqual(4);
  for (const { local, remote, cwnd_range, srtt_ms, ca_name } of busiest) {
    expect(local).toMatch(/^10\.9\.0\.1:\d+$/);
    expect(remote).toBe('10.9.0.2:5201');
    expect(cwnd_range.min).toBeGreaterThanOrEqual(1);
    expect(srtt_ms).toBeGreaterThanOrEqual(20);
    expect(ca_name).not.toBe('');
  }
  expect(readFileSync('/var/tmp/trace.err', 'utf8')).toMatch(
    /^tcpsynq: \d+ samples of 2 connections in /,
  );
});

test.each([
  ['', /'srtt \(ms\)'/],
  [' format=tcpprobe', /'srtt \(as recorded\)'/],
])('plot draws a file that cat wrote: kinds=sample full=1%s', async (format, label) => {
  const capture = '/var/tmp/transfer.log';
  const keys = `kinds=${format === '' ? 'count,' : ''}sample full=1 port=5201${format}`;
  await transfer(
    6,
    `exec ${inside(link.target)} bash -c 'exec 3<>/proc/net/tcpsynq; echo "${keys}" >&3; exec cat <&3 >${capture}'`,
  );
  sh(`cd /var/tmp && ${tcpsynq} plot transfer.log --force >plot.out 2>plot.err`);
  expect(readFileSync('/var/tmp/plot.err', 'utf8')).toMatch(
    /^tcpsynq: \d{3,} samples of 2 connections and \d+ counts in \d+.*\n$/,
  );
  expect(statSync('/var/tmp/transfer.png').size).toBeGreaterThan(10_000);
  const script = readFileSync('/var/tmp/transfer.gp', 'utf8');
  expect(script).toMatch(label);
  expect(script).toMatch(/title '10\.9\.0\.1:\d+ → 10\.9\.0\.2:5201'/);
  const table = readFileSync('/var/tmp/transfer-1.dat', 'utf8');
  const cwnds = table
    .split('\n')
    .filter((line) => /^\d/.test(line))
    .map((line) => Number(line.split(' ')[1]));
  // The window grew, then shrank.
  expect(Math.max(...cwnds)).toBeGreaterThan(20);
  const peak = cwnds.indexOf(Math.max(...cwnds));
  expect(Math.min(...cwnds.slice(peak))).toBeLessThanOrEqual(Math.max(...cwnds) * 0.75);
});

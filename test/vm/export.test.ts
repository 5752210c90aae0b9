// `tcpsynq export` on the real module, and Debian's Prometheus with the rules of docs/fleet.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { eventually } from '../eventually.ts';
import {
  expectNoDoubt,
  FLOOD,
  inside,
  isLoaded,
  Link,
  load,
  requireGuest,
  status,
  top,
  trySh,
  unload,
} from './guest.ts';

requireGuest();

const asNobody = 'setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all';

/** Processes that a test has started; afterEach() kills them. */
const children: ChildProcess[] = [];

function background(command: string): ChildProcess {
  const child = spawn('bash', ['-c', `exec ${command}`], { stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  return child;
}

/** Return the rules with windows and waits a tenth as long; promtool tests the real ones. */
const hastened = (rules: string): string =>
  rules.replace(
    /(?<=\[|for: |interval: )(\d+)([ms])\b/g,
    (_, n: string, unit: string) => `${Number(n) * (unit === 'm' ? 6000 : 100)}ms`,
  );

/** The exporter, on a free port. */
class Exporter {
  stderr = '';
  base = '';
  readonly child: ChildProcess;
  readonly code: Promise<number | null>;

  constructor(args: string, as = '') {
    this.child = background(
      `${as} node ${top}/dist/cli.js export --listen 127.0.0.1:0 ${args}`.trim(),
    );
    this.child.stderr?.on('data', (text) => {
      this.stderr += text;
    });
    this.code = new Promise((resolve) => this.child.on('close', resolve));
  }

  async ready(): Promise<this> {
    const address = () => {
      if (this.child.exitCode !== null) throw new Error(this.stderr);
      return /listening on (http:\S+)\/metrics/.exec(this.stderr)?.[1];
    };
    const what = () => `an exporter that listens: ${this.stderr}`;
    this.base = await eventually(what, address);
    return this;
  }

  async scrape(): Promise<string> {
    const response = await fetch(`${this.base}/metrics`);
    expect(response.status).toBe(200);
    return response.text();
  }

  /** Return the process's reads and bytes read so far, from /proc/PID/io. */
  reads(): { calls: number; bytes: number } {
    const text = readFileSync(`/proc/${this.child.pid}/io`, 'utf8');
    const of = (name: string) => Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(text)?.[1]);
    return { calls: of('syscr'), bytes: of('rchar') };
  }
}

/** Return the value of a series, named with its labels as printed; null if it is missing. */
function sampleOf(text: string, series: string): number | null {
  const line = text.split('\n').find((one) => one.startsWith(`${series} `));
  return line === undefined ? null : Number(line.slice(series.length + 1));
}

const inodeOf = (name: string) => String(statSync(`/run/netns/${name}`).ino);

let links: Link[] = [];
beforeEach(() => {
  links = [];
});
afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill('SIGKILL');
  }
  for (const link of links) await link.remove();
});

function newLink(sysctls: Record<string, number> = {}): Link {
  const link = new Link(sysctls);
  links.push(link);
  return link;
}

beforeAll(() => load());
afterAll(() => {
  if (isLoaded()) unload();
});

/** An answer of Prometheus: https://prometheus.io/docs/prometheus/latest/querying/api/ */
interface Samples {
  readonly result: readonly {
    readonly metric: Record<string, string>;
    readonly value: readonly [number, string];
  }[];
}

interface Alert {
  readonly state: string;
  readonly labels: Record<string, string>;
}

test('Prometheus, windows a tenth as long: only the flooded namespace has an alert', async () => {
  const [flooded, busy] = [newLink(), newLink()];
  await flooded.listener('--port 80 --backlog 200000');
  await busy.listener('--port 80 --backlog 1024');
  const exporter = await new Exporter('--all-netns').ready();

  const folder = mkdtempSync(join(tmpdir(), 'prometheus-'));
  const config = join(folder, 'prometheus.yml');
  writeFileSync(
    config,
    readFileSync(join(top, 'docs', 'fleet', 'prometheus.yml'), 'utf8')
      .replace('scrape_interval: 15s', 'scrape_interval: 2s')
      .replace('127.0.0.1:19106', new URL(exporter.base).host)
      .replace('- rules.yml', `- ${join(folder, 'rules.yml')}`),
  );
  writeFileSync(
    join(folder, 'rules.yml'),
    hastened(readFileSync(join(top, 'docs', 'fleet', 'rules.yml'), 'utf8')),
  );
  background(
    `prometheus --config.file=${config} --storage.tsdb.path=${folder}/data --web.listen-address=127.0.0.1:19090 --log.level=error`,
  );
  const ask = async <T>(path: string): Promise<T | null> => {
    const response = await fetch(`http://127.0.0.1:19090/api/v1/${path}`).catch(() => null);
    return response?.ok ? ((await response.json()) as { data: T }).data : null;
  };
  /** Return the values of an expression, by netns. */
  const query = async (expr: string): Promise<Map<string, number>> => {
    const data = await ask<Samples>(`query?query=${encodeURIComponent(expr)}`);
    return new Map(data?.result.map(({ metric, value }) => [metric.netns ?? '', Number(value[1])]));
  };
  const alerts = async (): Promise<readonly Alert[]> => {
    const data = await ask<{ alerts: readonly Alert[] }>('alerts');
    return data?.alerts ?? [];
  };

  const bothScraped = async () => {
    const seen = await query('tcpsynq_half_open');
    return [flooded, busy].every(({ target }) => seen.has(inodeOf(target)));
  };
  await eventually('both namespaces to be scraped', bothScraped, { every: 200 });
  flooded.sender('--dport 80 --count 190000 --rate 200 --seconds 400');
  busy.client(`--dst ${busy.address} --port 80 --count 100000 --rate 100 --rst --seconds 400`);

  let all: readonly Alert[] = [];
  const flood = async () => {
    all = await alerts();
    return all.find(
      ({ state, labels }) => state === 'firing' && labels.alertname === 'TcpsynqFlood',
    );
  };
  const what = () => `TcpsynqFlood to fire, not ${JSON.stringify(all)}`;
  const firing = await eventually(what, flood, { every: 200 });
  expect(firing.labels.netns).toBe(inodeOf(flooded.target));
  // Prometheus has seen the other namespace, and that is busy enough to be judged.
  const begun = await query('instance_netns:tcpsynq_begun:rate2m');
  expect(begun.get(inodeOf(busy.target))).toBeGreaterThan(20);
  const completion = await query('instance_netns:tcpsynq_completion:ratio_rate2m');
  expect(completion.get(inodeOf(busy.target))).toBeGreaterThan(0.9);
  // Ignore a pending TcpsynqBlind: a slow KASAN kernel may fail to answer one scrape in 5 s.
  const others = (await alerts())
    .filter(({ state, labels }) => labels.alertname !== 'TcpsynqBlind' || state === 'firing')
    .filter(({ labels }) => labels.netns !== inodeOf(flooded.target))
    .map(({ labels }) => labels.alertname);
  expect(others).toEqual(status().includes('exact yes') ? [] : ['TcpsynqProbesMissed']);
});

describe('the figures', () => {
  test("are the module's own, without root", async () => {
    const link = newLink();
    const { child } = await link.listener('--port 80 --backlog 400000');
    const exporter = await new Exporter(`--netns ${child.pid}`, asNobody).ready();
    await link.send('--dport 80 --count 1500 --reset 1 --abandon 2');
    const text = await exporter.scrape();
    // An unprivileged user cannot see the namespace of a root process, so netns is `-`.
    expect(sampleOf(text, 'tcpsynq_half_open{netns="-"}')).toBe(1000);
    expect(sampleOf(text, 'tcpsynq_added_total{netns="-"}')).toBe(1500);
    expect(sampleOf(text, 'tcpsynq_ended_total{netns="-",outcome="reset"}')).toBe(500);
    expect(sampleOf(text, 'tcpsynq_listener_queue_length{netns="-",listener="0.0.0.0:80"}')).toBe(
      1000,
    );
    expect(sampleOf(text, 'tcpsynq_audit_drift{netns="-"}')).toBe(0);
    expect(sampleOf(text, 'tcpsynq_up')).toBe(1);
    expectNoDoubt();
    expect(sampleOf(text, 'tcpsynq_exact')).toBe(status().includes('exact yes') ? 1 : 0);
    expect(text).toContain('tcpsynq_source_info{source="module"} 1');
  });

  test(`cost as many reads with ${FLOOD} half-opens as with none`, async ({ skip }) => {
    skip(!existsSync('/proc/self/io'), 'no /proc/PID/io: the kernel lacks TASK_IO_ACCOUNTING');
    const link = newLink();
    await link.listener('--port 80 --backlog 400000');
    const exporter = await new Exporter(`--netns ${link.target}`).ready();
    /** Return the minimum over ten scrapes, since thread wake-ups add reads at random. */
    const cost = async () => {
      const all: { calls: number; bytes: number }[] = [];
      for (let i = 0; i < 10; i += 1) {
        const before = exporter.reads();
        await exporter.scrape();
        const after = exporter.reads();
        all.push({ calls: after.calls - before.calls, bytes: after.bytes - before.bytes });
      }
      const least = (of: (one: (typeof all)[number]) => number) => Math.min(...all.map(of));
      return { calls: least((one) => one.calls), bytes: least((one) => one.bytes) };
    };
    await cost();
    const none = await cost();
    await link.send(`--dport 80 --count ${FLOOD} --rate ${FLOOD / 10}`);
    expect((await link.until((f) => f.half_open === FLOOD)).half_open).toBe(FLOOD);
    const many = await cost();
    expect(
      sampleOf(await exporter.scrape(), `tcpsynq_half_open{netns="${inodeOf(link.target)}"}`),
    ).toBe(FLOOD);
    // A few digits more. Reading /proc/net/tcp would take 150 bytes per half-open.
    expect(many.bytes - none.bytes).toBeLessThan(1000);
    expect(many.calls - none.calls).toBeLessThan(10);
  });

  test('of 10,000 listeners are those of the fullest only', async () => {
    const link = newLink();
    const script =
      'for (let i = 0; i < 10000; i++) require("net").createServer().listen(10000 + i, "0.0.0.0", 64, i === 9999 ? () => console.log("ready") : undefined)';
    const many = background(`${inside(link.target)} node -e '${script}'`);
    await new Promise((resolve) => many.stdout?.once('data', resolve));
    const exporter = await new Exporter(`--netns ${link.target} --listeners-top 7`).ready();
    await link.send('--dport 12345 --count 10');
    const text = await exporter.scrape();
    const netns = inodeOf(link.target);
    const series = text.match(/^tcpsynq_listener_queue_length\{.*$/gm) ?? [];
    expect(series).toHaveLength(7);
    expect(series[0]).toBe(
      `tcpsynq_listener_queue_length{netns="${netns}",listener="0.0.0.0:12345"} 10`,
    );
    expect(sampleOf(text, `tcpsynq_listeners{netns="${netns}"}`)).toBe(10_000);
    expect(sampleOf(text, `tcpsynq_listeners_left_out{netns="${netns}"}`)).toBe(9993);
  });
});

test('a reload: every scrape is answered, meanwhile with tcpsynq_up 0', async () => {
  const exporter = await new Exporter('').ready();
  expect(sampleOf(await exporter.scrape(), 'tcpsynq_up')).toBe(1);
  const seen: (number | null)[] = [];
  let going = true;
  const scraping = (async () => {
    while (going) seen.push(sampleOf(await exporter.scrape(), 'tcpsynq_up'));
  })();
  for (let i = 0; i < 3; i += 1) {
    unload();
    await expect.poll(() => seen.at(-1), { timeout: 20_000 }).toBe(0);
    load();
    await expect.poll(() => seen.at(-1), { timeout: 20_000 }).toBe(1);
  }
  going = false;
  await scraping;
  expect(new Set(seen)).toEqual(new Set([0, 1]));
  expect(sampleOf(await exporter.scrape(), 'tcpsynq_up')).toBe(1);
  exporter.child.kill('SIGTERM');
  expect(await exporter.code).toBe(0);
});

describe('the stream', () => {
  test('--handshake, --drops: completed handshakes and drops; the module is in use', async () => {
    const link = newLink();
    await link.listener('--port 80 --backlog 400000');
    const exporter = await new Exporter(`--netns ${link.target} --handshake --drops`).ready();
    const own = `netns="${inodeOf(link.target)}"`;
    expect(sampleOf(await exporter.scrape(), `tcpsynq_exporter_tap_open{${own}}`)).toBe(1);
    expect(trySh('rmmod tcpsynq').output).toContain('in use');
    link.client(`--dst ${link.address} --port 80 --count 200 --rate 100 --seconds 60`);
    const { completed } = await link.until((f) => f.completed === 200);
    let count: number | null = null;
    const allCounted = async () => {
      count = sampleOf(await exporter.scrape(), `tcpsynq_handshake_seconds_count{${own}}`);
      return count === completed;
    };
    await eventually(() => `${completed} handshakes, not ${count}`, allCounted, { every: 200 });
    exporter.child.kill('SIGTERM');
    expect(await exporter.code).toBe(0);
  });

  test('without root: one line, exit 1', async () => {
    const exporter = new Exporter('--handshake', asNobody);
    expect(await exporter.code).toBe(1);
    expect(exporter.stderr).toMatch(/^tcpsynq: cannot open [^\n]*: it takes root[^\n]*\n$/);
  });
});

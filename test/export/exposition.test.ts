import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { expose } from '../../src/export/exposition.js';
import { Exposition, METRICS } from '../../src/export/metrics.js';
import type { HostReading, NetnsReading } from '../../src/export/reading.js';
import { StreamMetrics } from '../../src/export/stream.js';
import { parseListeners } from '../../src/proc/listeners.js';
import { parseStat } from '../../src/proc/stat.js';
import { parseStatus } from '../../src/proc/status.js';
import { type FakeFigures, type FakeListener, listenersText, statText } from '../proc.js';
import { promtool } from './promtool.js';

const SHOWN = { listenersTop: 20, version: '0.1.0' };
const STATUS = parseStatus('version 9.8.7\nexact no\ntaps 3 16\n');

function netnsReading(
  figures: FakeFigures,
  listeners: readonly FakeListener[] = [],
  netns = '42',
): NetnsReading {
  const [stat, rows] = [parseStat(statText(figures)), parseListeners(listenersText(listeners))];
  if (typeof stat === 'string' || typeof rows === 'string') {
    throw new Error(`${stat} ${rows}`);
  }
  return { netns, figures: stat.figures, listeners: rows, drift: 0 };
}

function reading(...namespaces: readonly NetnsReading[]): HostReading {
  return { source: 'module', up: true, status: STATUS, namespaces, others: null };
}

const textOf = (one: HostReading, shown = SHOWN) => expose(one, 0.001, shown).text();

/** Return the samples of a text, without HELP and TYPE. */
const samples = (text: string) =>
  text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));

const FULL = {
  half_open: 5,
  initial: -1,
  added: 2 ** 40,
  completed: 10,
  expired: 9,
  reset: 8,
  unreachable: 7,
  closed: 6,
  other: 5,
  cookies: 4,
  cookies_ok: 3,
  cookies_bad: 2,
  queue_full: 1,
  accept_full: 11,
  samples: 12,
  lost: 13,
  missed: 14,
};

describe('the output of the module', () => {
  test('is all there, as the kernel counted it', async () => {
    const text = await textOf(
      reading({ ...netnsReading(FULL, [{ local: '0.0.0.0:80', qlen: 5, young: 4 }]), drift: -2 }),
    );
    const told = samples(text);
    const expected = [
      'tcpsynq_up 1',
      'tcpsynq_source_info{source="module"} 1',
      'tcpsynq_build_info{version="0.1.0",module_version="9.8.7"} 1',
      'tcpsynq_exporter_read_seconds 0.001',
      'tcpsynq_exact 0',
      'tcpsynq_taps_open 3',
      'tcpsynq_taps_limit 16',
      'tcpsynq_probe_misses_total 14',
      'tcpsynq_half_open{netns="42"} 5',
      'tcpsynq_half_open_initial{netns="42"} -1',
      'tcpsynq_added_total{netns="42"} 1099511627776',
      'tcpsynq_ended_total{netns="42",outcome="completed"} 10',
      'tcpsynq_ended_total{netns="42",outcome="expired"} 9',
      'tcpsynq_ended_total{netns="42",outcome="reset"} 8',
      'tcpsynq_ended_total{netns="42",outcome="unreachable"} 7',
      'tcpsynq_ended_total{netns="42",outcome="closed"} 6',
      'tcpsynq_ended_total{netns="42",outcome="other"} 5',
      'tcpsynq_cookies_sent_total{netns="42"} 4',
      'tcpsynq_cookies_received_total{netns="42",result="good"} 3',
      'tcpsynq_cookies_received_total{netns="42",result="bad"} 2',
      'tcpsynq_syns_refused_total{netns="42",reason="queue_full"} 1',
      'tcpsynq_syns_refused_total{netns="42",reason="accept_full"} 11',
      'tcpsynq_samples_total{netns="42"} 12',
      'tcpsynq_records_lost_total{netns="42"} 13',
      'tcpsynq_audit_drift{netns="42"} -2',
      'tcpsynq_listeners{netns="42"} 1',
      'tcpsynq_listeners_left_out{netns="42"} 0',
      'tcpsynq_listener_sockets{netns="42",listener="0.0.0.0:80"} 1',
      'tcpsynq_listener_queue_length{netns="42",listener="0.0.0.0:80"} 5',
      'tcpsynq_listener_queue_young{netns="42",listener="0.0.0.0:80"} 4',
      'tcpsynq_listener_queue_limit{netns="42",listener="0.0.0.0:80"} 129',
      `tcpsynq_listener_queue_full_ratio{netns="42",listener="0.0.0.0:80"} ${5 / 129}`,
      'tcpsynq_listener_accept_queue_length{netns="42",listener="0.0.0.0:80"} 0',
      'tcpsynq_listener_accept_queue_limit{netns="42",listener="0.0.0.0:80"} 128',
      'tcpsynq_listener_accept_queue_full_ratio{netns="42",listener="0.0.0.0:80"} 0',
    ];
    // Leave out further counters that are 0.
    expect(told.filter((line) => !line.endsWith(' 0') || expected.includes(line))).toEqual(
      expected,
    );
  });

  test('a namespace beside another has its own series under the same name', async () => {
    const text = await textOf({
      ...reading(
        netnsReading({ half_open: 1 }, [], '42'),
        netnsReading({ half_open: 2 }, [], '43'),
      ),
      others: { leftOut: 3, hidden: 4 },
    });
    expect(samples(text).filter((line) => line.startsWith('tcpsynq_half_open{'))).toEqual([
      'tcpsynq_half_open{netns="42"} 1',
      'tcpsynq_half_open{netns="43"} 2',
    ]);
    expect(text).toContain('\ntcpsynq_netns_left_out 3\n');
    expect(text).toContain('\ntcpsynq_processes_hidden 4\n');
    expect(text.match(/# TYPE tcpsynq_half_open gauge/g)).toHaveLength(1);
  });

  test('the fullest of 10,000 addresses have series, the others are counted', async () => {
    const many = Array.from({ length: 10_000 }, (_, i) => ({
      local: `10.0.${i >> 8}.${i & 255}:80`,
      qlen: i === 7777 ? 5 : 0,
    }));
    const text = await textOf(reading(netnsReading({}, many)), { ...SHOWN, listenersTop: 5 });
    const lengths = samples(text).filter((line) =>
      line.startsWith('tcpsynq_listener_queue_length'),
    );
    expect(lengths).toHaveLength(5);
    expect(lengths[0]).toBe('tcpsynq_listener_queue_length{netns="42",listener="10.0.30.97:80"} 5');
    expect(text).toContain('\ntcpsynq_listeners{netns="42"} 10000\n');
    expect(text).toContain('\ntcpsynq_listeners_left_out{netns="42"} 9995\n');
  });

  test('sockets of one address make no series twice', async () => {
    const twice = [{ local: '0.0.0.0:80' }, { local: '0.0.0.0:80', inode: 2 }];
    const names = samples(await textOf(reading(netnsReading({}, twice)))).map(
      (line) => line.split(' ')[0],
    );
    expect(new Set(names).size).toBe(names.length);
    expect(names).toContain('tcpsynq_listener_sockets{netns="42",listener="0.0.0.0:80"}');
  });
});

test('without the module only what is known is there', async () => {
  const figures = { half_open: 3, cookies: 1, listen_overflows: 2, listen_drops: 4 };
  const text = await textOf({
    source: 'proc',
    up: true,
    status: null,
    namespaces: [{ netns: '42', figures, listeners: null, drift: null }],
    others: null,
  });
  expect(samples(text)).toEqual([
    'tcpsynq_up 1',
    'tcpsynq_source_info{source="proc"} 1',
    'tcpsynq_build_info{version="0.1.0",module_version=""} 1',
    'tcpsynq_exporter_read_seconds 0.001',
    'tcpsynq_half_open{netns="42"} 3',
    'tcpsynq_cookies_sent_total{netns="42"} 1',
    'tcpsynq_listen_overflows_total{netns="42"} 2',
    'tcpsynq_listen_drops_total{netns="42"} 4',
  ]);
});

test('promtool finds no mistake in it', async () => {
  const all: HostReading = {
    ...reading({
      ...netnsReading(FULL, [{ local: '[::]:80', qlen: 5 }]),
      figures: { ...netnsReading(FULL).figures, listen_overflows: 1, listen_drops: 2 },
    }),
    others: { leftOut: 1, hidden: 1 },
  };
  const own = new Exposition();
  own.add('tcpsynq_exporter_connections_evicted_total', 0);
  own.add('tcpsynq_exporter_connections_refused_total', 0);
  own.add('tcpsynq_exporter_last_write_timestamp_seconds', 1_790_000_000.5);
  own.add('tcpsynq_exporter_write_failures_total', 0);
  const stream = new StreamMetrics('42', ['event', 'drop']);
  const input = (await textOf(all)) + (await own.text()) + (await stream.text());
  for (const name of Object.keys(METRICS)) {
    expect(input).toContain(`# HELP ${name} `);
  }
  expect(promtool(['check', 'metrics'], { input })).toEqual({ status: 0, output: '' });
  // Prove that promtool finds errors.
  expect(promtool(['check', 'metrics'], { input: `${input}tcpsynq_up{ 1\n` }).status).not.toBe(0);
});

test('docs/export.md has every metric, and no other', async () => {
  const text = await readFile(new URL('../../docs/export.md', import.meta.url), 'utf8');
  const rows = [...text.matchAll(/^\| `(tcpsynq_\w+)`[^|]*\| (\w+) \|/gm)].map(
    ([, name, type]) => `${name} ${type}`,
  );
  expect(rows.sort()).toEqual(
    Object.entries(METRICS)
      .map(([name, [type]]) => `${name} ${type}`)
      .sort(),
  );
});

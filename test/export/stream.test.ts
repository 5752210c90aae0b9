import { describe, expect, test } from 'vitest';
import { follow } from '../../src/export/follow.js';
import { type StreamKind, StreamMetrics } from '../../src/export/stream.js';
import { Failure } from '../../src/failure.js';
import { dropCapture, eventCapture, feed } from '../capture.js';

const R = (outcome: string, us: number) => `R 10.0.0.1:80 10.0.0.2:4000 0 ${outcome} ${us} 1`;

async function textOf(capture: string, kinds: readonly StreamKind[]): Promise<string> {
  const metrics = new StreamMetrics('42', kinds);
  feed(capture, { begin() {}, take: (item) => metrics.take(item) });
  return metrics.text();
}

test('counts completed handshakes in buckets of seconds, and no others', async () => {
  const capture = eventCapture([
    'A 10.0.0.1:80 10.0.0.2:4000 1 129',
    R('completed', 1500),
    R('completed', 40_000),
    R('completed', 3_000_000),
    R('expired', 63_000_000),
    R('completed', 90_000_000),
  ]);
  const text = await textOf(capture, ['event']);
  const bucket = (le: string) =>
    Number(
      new RegExp(`^tcpsynq_handshake_seconds_bucket{le="${le}",netns="42"} (.*)$`, 'm').exec(
        text,
      )?.[1],
    );
  expect(['0.001', '0.0025', '0.05', '2', '4', '64', '\\+Inf'].map(bucket)).toEqual([
    0, 1, 2, 2, 3, 3, 4,
  ]);
  expect(text).toContain('tcpsynq_handshake_seconds_count{netns="42"} 4\n');
  expect(text).toContain('tcpsynq_handshake_seconds_sum{netns="42"} 93.0415\n');
  expect(text).not.toContain('tcpsynq_drops_total');
});

test('shows an empty histogram before the first handshake', async () => {
  expect(await textOf('', ['event'])).toContain('tcpsynq_handshake_seconds_count{netns="42"} 0\n');
});

describe('drops', () => {
  const drop = (reason: string) => `D 0.5 tcp_v4_rcv+0x1 ${reason} 10.0.0.1:80 - - SYN 40 - tcp`;

  test('by reason', async () => {
    const lines = ['NO_SOCKET', '-', 'NO_SOCKET'].map(drop);
    const text = await textOf(dropCapture(1, lines), ['drop']);
    expect(text).toContain('tcpsynq_drops_total{netns="42",reason="NO_SOCKET"} 2\n');
    expect(text).toContain('tcpsynq_drops_total{netns="42",reason="-"} 1\n');
  });

  test('64 reasons have a series each, the rest one together', async () => {
    const lines = Array.from({ length: 1000 }, (_, i) => drop(`REASON_${i % 500}`));
    const text = await textOf(dropCapture(1, lines), ['drop']);
    const series = text.split('\n').filter((line) => line.startsWith('tcpsynq_drops_total{'));
    expect(series).toHaveLength(65);
    expect(series).toContain('tcpsynq_drops_total{netns="42",reason="REASON_63"} 2');
    expect(series).toContain('tcpsynq_drops_total{netns="42",reason="others"} 872');
  });
});

test('counts the losses of its own tap, kind by kind', async () => {
  const lost = ['L A 5 5 10', 'L R 2 2 10', 'L D 4 4 10', 'L D 1 5 12'];
  const text = await textOf(eventCapture(lost), ['event', 'drop']);
  expect(text).toContain('tcpsynq_exporter_tap_lost_total{netns="42",kind="event"} 7\n');
  expect(text).toContain('tcpsynq_exporter_tap_lost_total{netns="42",kind="drop"} 5\n');
});

test('opens a stream again after its end, and reports the error only once', async () => {
  const metrics = new StreamMetrics('42', ['event']);
  const abort = new AbortController();
  const told: string[] = [];
  const streamOf = (text: string, then = () => {}) => ({
    chunks: (async function* () {
      expect(await metrics.text()).toContain('tcpsynq_exporter_tap_open{netns="42"} 1\n');
      yield Buffer.from(text);
      then();
    })(),
  });
  const one = eventCapture([R('completed', 1)]);
  let tries = 0;
  const open = async () => {
    tries += 1;
    expect(await metrics.text()).toContain('tcpsynq_exporter_tap_open{netns="42"} 0\n');
    if (tries < 3) {
      throw new Failure('not now');
    }
    return streamOf(one, () => abort.abort());
  };
  await follow(open, streamOf(one), metrics, (text) => told.push(text), abort.signal, 1);
  expect([tries, told]).toEqual([3, ['not now']]);
  expect(await metrics.text()).toContain('tcpsynq_handshake_seconds_count{netns="42"} 2\n');
});

import { describe, expect, test } from 'vitest';
import { Recording } from '../../src/aggregate/recording.js';
import { type Following, Trace, type Traced } from '../../src/aggregate/trace.js';
import { StreamReader } from '../../src/stream/reader.js';
import { parseSrttUnit } from '../../src/stream/srtt.js';
import { countLine, feed, NO_SSTHRESH, probeLine, sampleLine } from '../capture.js';

const ENDS = '10.0.0.1:5001 10.0.1.2:41001';
const OTHER = '[fd00::1]:443 [fd00::2]:1024';

function traced(lines: readonly string[], following: Partial<Following> = {}) {
  const told: object[] = [];
  const trace = new Trace(
    { wanted: {}, most: 100, interval: 1, keep: 600, ...following },
    {
      interval: (end, seconds, connections) =>
        told.push({ end, seconds, seen: connections.map(plain) }),
      loss: ({ lost }) => told.push({ lost }),
      problem: (line, reason) => told.push({ line, reason }),
    },
  );
  feed(lines.map((line) => `${line}\n`).join(''), trace);
  trace.end();
  return { trace, told };
}

function plain({ remote, latest, interval }: Traced) {
  const { samples, cwnd, srtt } = interval;
  return [remote, samples, latest?.cwnd, cwnd.low, cwnd.high, srtt.low, srtt.high];
}

describe('trace', () => {
  test('sums up the samples of each interval of stream time', () => {
    const { told } = traced([
      sampleLine(0.5, ENDS, 10, NO_SSTHRESH, 0),
      sampleLine(0.6, ENDS, 14, NO_SSTHRESH, 41_000),
      sampleLine(0.7, ENDS, 7, 7, 40_000),
      sampleLine(0.7, OTHER, 3, 2, 900),
      countLine(1.0, {}),
      countLine(2.0, {}),
      sampleLine(2.5, ENDS, 8, 7, 40_500),
    ]);
    expect(told).toEqual([
      {
        end: 1,
        seconds: 0.5,
        seen: [
          ['10.0.1.2:41001', 3, 7, 7, 14, 40_000, 41_000],
          ['[fd00::2]:1024', 1, 3, 3, 3, 900, 900],
        ],
      },
      { end: 2, seconds: 1, seen: [] },
      { end: 2.5, seconds: 0.5, seen: [['10.0.1.2:41001', 1, 8, 8, 8, 40_500, 40_500]] },
    ]);
  });

  test('takes no more samples before the earlier ones are written', () => {
    const lines = Array.from({ length: 9 }, (_, i) => `${sampleLine(i, ENDS, 10, 7, 900)}\n`);
    let [pending, most] = [0, 0];
    const trace = new Trace(
      { wanted: {}, most: 100, interval: 1, keep: 600 },
      {
        isFull: () => pending >= 2,
        sample: () => {
          pending += 1;
          most = Math.max(most, pending);
        },
      },
    );
    for (const batch of new StreamReader().push(Buffer.from(lines.join('')))) {
      batch.to(trace);
      pending = 0;
    }
    expect([trace.samples, most]).toEqual([9, 2]);
  });

  test('ends or a cookie of thousands of characters are not kept', () => {
    const long = sampleLine(0.5, `10.0.0.1:5001 ${'x'.repeat(60_000)}`, 10, 7, 900);
    const { trace, told } = traced([long, sampleLine(0.6, OTHER, 3, 2, 900)]);
    expect(trace.connections.size).toBe(1);
    expect(told[0]).toEqual({
      line: 1,
      reason: 'the ends of the connection and its cookie are too long',
    });
  });

  test('an unset ssthresh, an srtt that was not measured yet', () => {
    const { trace } = traced([sampleLine(0.5, ENDS, 10, NO_SSTHRESH, 0)]);
    const [connection] = trace.busiest();
    expect(connection?.latest).toMatchObject({ cwnd: 10, ssthresh: Number.NaN, srtt: Number.NaN });
    expect(connection?.others).toEqual({
      lost: '0',
      retrans: '2',
      inflight: '10',
      ca_name: 'cubic',
    });
  });

  test('connections that have not been seen for longest are forgotten, and counted', () => {
    const lines = Array.from({ length: 60 }, (_, i) =>
      sampleLine(i, `10.0.0.1:5001 10.0.0.2:${1000 + i}`, 10, NO_SSTHRESH, 1),
    );
    const { trace } = traced(lines, { most: 8 });
    expect(trace.connections.size).toBeLessThanOrEqual(10);
    expect(trace.connections.size + trace.connections.forgotten).toBe(60);
    expect(trace.connections.sorted()[0]?.remote).toBe('10.0.0.2:1059');
  });

  test('the same ends with another socket are another connection', () => {
    const { trace } = traced([
      sampleLine(1, ENDS, 10, NO_SSTHRESH, 1, 1),
      sampleLine(2, ENDS, 10, NO_SSTHRESH, 1, 2),
    ]);
    expect(trace.connections.size).toBe(2);
  });

  test('reports damage with its line, and counts losses', () => {
    const { trace, told } = traced([
      sampleLine(1, ENDS, 10, NO_SSTHRESH, 1),
      sampleLine(1, 'a b', 10, NO_SSTHRESH, 1),
      sampleLine(1, ENDS, 10, NO_SSTHRESH, 1).replace(' 10 ', ' ten '),
      'L 1.5 S 12 12 14',
      'L 1.5 A 99 99 99',
    ]);
    expect(told).toMatchObject([
      { line: 2, reason: 'an end of the connection is not an address with its port' },
      { line: 3, reason: 'snd_cwnd, ssthresh and srtt_us are not all whole numbers' },
      { lost: 12 },
      { end: 1.5 },
    ]);
    expect(trace).toMatchObject({ samples: 1, problems: { count: 2 }, lost: 12 });
  });

  test('a header that is appended goes on where the clock says', () => {
    const header = (offset: number) => ['# tcpsynq 1', `# clock_offset ${offset}`];
    const { trace } = traced([
      ...header(1000),
      sampleLine(5, ENDS, 10, NO_SSTHRESH, 1),
      ...header(1100),
      sampleLine(2, ENDS, 20, NO_SSTHRESH, 1),
    ]);
    const items = trace.busiest()[0]?.series.items;
    expect(items?.map(({ time, epoch }) => [time, epoch])).toEqual([
      [5, 1],
      [102, 2],
    ]);
    expect(trace.clock.date(102)?.getTime()).toBe(1_102_000);
  });
});

describe('recording', () => {
  function recorded(lines: readonly string[]) {
    const recording = new Recording({});
    feed(lines.map((line) => `${line}\n`).join(''), recording);
    return recording;
  }

  test("distinguishes tcp_probe's lines from those under tcpsynq's header", () => {
    const line = probeLine(1, ENDS, 10, NO_SSTHRESH, 0);
    expect(recorded([line]).samples).toEqual({ own: 0, tcpProbe: 1 });
    expect(recorded(['# tcpsynq 1', line]).samples).toEqual({ own: 1, tcpProbe: 0 });
    expect(recorded([line]).connections.sorted()[0]?.series.items[0]?.srtt).toBe(0);
  });

  test('losses among bare lines', () => {
    const line = probeLine(1, ENDS, 10, NO_SSTHRESH, 0);
    const recording = recorded([line, '# L 1.5 S 12 12 14', line]);
    expect(recording).toMatchObject({ lost: 12, problems: { count: 0 }, samples: { tcpProbe: 2 } });
  });

  test('a time that goes back begins a new stretch, after the one before', () => {
    const times = [0.01, 1, 2, 0.01, 1, 2, 1.9995, 0.5];
    const lines = times.map((time) => probeLine(time, ENDS, 10, NO_SSTHRESH, 1));
    const items = recorded(lines).connections.sorted()[0]?.series.items ?? [];
    expect(items.map(({ epoch }) => epoch)).toEqual([0, 0, 0, 1, 1, 1, 1, 2]);
    expect(items.map(({ time }) => time)).toEqual([0.01, 1, 2, 3.01, 4, 5, 4.9995, 6.5]);
  });

  test('where the clock is known it begins a new stretch where the clock says', () => {
    const head = ['# tcpsynq 1', '# clock_offset 1000'];
    const lines = [5, 2].map((time) => sampleLine(time, ENDS, 10, NO_SSTHRESH, 1));
    const items = recorded([...head, ...lines]).connections.sorted()[0]?.series.items ?? [];
    expect(items.map(({ time, epoch }) => [time, epoch])).toEqual([
      [5, 1],
      [2, 2],
    ]);
  });

  test("tcp_probe's first logs have no srtt", () => {
    const line = probeLine(1, ENDS, 10, NO_SSTHRESH, 7).replace(/ \d+ \d+$/, '');
    const recording = recorded([line]);
    expect(recording).toMatchObject({ problems: { count: 0 }, samples: { tcpProbe: 1 } });
    expect(recording.connections.sorted()[0]?.series.items).toMatchObject([
      { cwnd: 10, srtt: Number.NaN },
    ]);
  });

  test('the busiest first, those left out counted', () => {
    const lines = Array.from({ length: 3000 }, (_, i) => {
      const remote = i % 3 === 0 ? '10.0.0.9:9' : `10.0.${i >> 8}.${i & 255}:1000`;
      return sampleLine(i, `10.0.0.1:5001 ${remote}`, 10, NO_SSTHRESH, 1);
    });
    const { connections } = recorded(lines);
    const [first, ...others] = connections.sorted();
    expect(first).toMatchObject({ remote: '10.0.0.9:9', samples: 1000 });
    expect(connections.size).toBeLessThanOrEqual(250);
    expect(others.length + connections.forgottenSamples).toBe(2000);
  });
});

test.each([
  ['us', 0.001, 'ms'],
  ['ms', 1, 'ms'],
  ['jiffies', 1, 'jiffies'],
  ['jiffies:250', 4, 'ms'],
])('unit %s', (text, factor, words) => {
  expect(parseSrttUnit(text)).toMatchObject({ factor, words });
});

test.each(['', 'jiffies:0', 'jiffies:', 's', 'toString'])('refuses the unit %j', (text) => {
  expect(parseSrttUnit(text)).toBeNull();
});

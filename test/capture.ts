import { StreamReader, type Taker } from '../src/stream/reader.js';
import { COLUMNS as SCHEMA } from '../src/stream/schema.js';

/** Pass a whole stream to a taker. */
export function feed(text: string, to: Taker): void {
  const reader = new StreamReader();
  for (const batches of [reader.push(Buffer.from(text)), reader.end()]) {
    for (const batch of batches) {
      batch.to(to);
    }
  }
}

/** Return the header and C lines of a capture: half_open rises to `top`, then all expire. */
export function capture(seconds: number, top: number): string {
  const lines = [
    '# tcpsynq 1',
    '# kernel 6.1.0-56-amd64',
    '# netns 4026531840',
    '# boot_id 0d5c8f4e-1f6b-4a57-9d0e-3c1c4b8a9d10',
    '# clock_offset 1790000000.123456789',
    '# filter kinds=count interval_ms=1000',
    `# C ${COLUMNS}`,
    `# L ${SCHEMA.L.join(' ')}`,
  ];
  for (let second = 0; second <= seconds; second += 1) {
    const rising = Math.min(second, seconds / 2);
    const added = Math.round((top * rising) / (seconds / 2));
    const expired = Math.round((top * (second - rising)) / (seconds / 2));
    const half = added - expired;
    lines.push(countLine(second, { half_open: half, added, expired, peak: half }));
  }
  return `${lines.join('\n')}\n`;
}

export const COLUMNS = SCHEMA.C.join(' ');

/** Return a C line; counters not given are 0. */
export function countLine(time: number, figures: Readonly<Record<string, number>>): string {
  const values = COLUMNS.split(' ')
    .slice(1)
    .map((name) => figures[name] ?? 0);
  return `C ${time.toFixed(9)} ${values.join(' ')}`;
}

/** The columns of A lines without a fingerprint, as the first module wrote them. */
export const ADDED_COLUMNS = 'time local remote qlen limit';

const EVENT_HEADER = `# tcpsynq 1
# kernel 6.1.0-56-amd64
# netns 4026531840
# boot_id 0d5c8f4e-1f6b-4a57-9d0e-3c1c4b8a9d10
# clock_offset 1790000000.123456789
# filter kinds=count,event interval_ms=1000
# C ${COLUMNS}
# A ${ADDED_COLUMNS}
# R ${SCHEMA.R.join(' ')}
# L ${SCHEMA.L.join(' ')}
`;

/** Return a capture of events from lines without times; their times are 0.1 s apart. */
export function eventCapture(lines: readonly string[]): string {
  const timed = lines.map((line, i) => `${line[0]} ${(i / 10).toFixed(9)}${line.slice(1)}\n`);
  return EVENT_HEADER + timed.join('');
}

/** Yield `count` spoofed SYNs in pieces: each from another /24 or /64, to one of two listeners. */
export function* spoofed(count: number, version: 4 | 6): Generator<string, void, void> {
  yield EVENT_HEADER;
  let lines = '';
  for (let i = 0; i < count; i += 1) {
    const [a, b, c] = [i >> 16, (i >> 8) & 255, i & 255];
    const remote =
      version === 4 ? `${a + 1}.${b}.${c}.77:1024` : `[2001:${a + 1}:${b}:${c}::7]:1024`;
    lines += `A ${(i / 1e4).toFixed(9)} 10.9.0.1:${i % 2 === 0 ? 80 : 443} ${remote} 9 65537\n`;
    if (lines.length > 1 << 16) {
      yield lines;
      lines = '';
    }
  }
  yield lines;
}

/** The columns of a sample: first those of tcp_probe, then the others of docs/format.md. */
export const SAMPLE_COLUMNS = SCHEMA.S.join(' ');

export const NO_SSTHRESH = 2147483647;

/** Return the eleven fields of tcp_probe. */
export function probeLine(
  time: number,
  ends: string,
  cwnd: number,
  ssthresh: number,
  srtt: number,
): string {
  const una = `0x${Math.round(time * 1e6).toString(16)}`;
  return `${time.toFixed(9)} ${ends} 1448 ${una} ${una} ${cwnd} ${ssthresh} 65535 ${srtt} 65535`;
}

/** Return an S line; `cookie` identifies its socket. */
export function sampleLine(
  time: number,
  ends: string,
  cwnd: number,
  ssthresh: number,
  srtt: number,
  cookie = 1,
): string {
  const rest = `1000 204000 40000 0 2 ${cwnd} 0 0 1448 0 0 1448 Open cubic ${cookie} rcv`;
  return `S ${probeLine(time, ends, cwnd, ssthresh, srtt)} ${rest}`;
}

/** One sample of a transfer. */
export interface Sampled {
  readonly time: number;
  readonly cwnd: number;
  readonly ssthresh: number;
  /** In µs. */
  readonly srtt: number;
}

/** Return samples of a transfer: each `step` seconds cwnd grows by one, or is halved at `top`. */
export function sawtooth(length: number, step: number, top: number): Sampled[] {
  const samples: Sampled[] = [];
  let [cwnd, ssthresh] = [10, NO_SSTHRESH];
  for (let i = 0; i * step <= length; i += 1) {
    samples.push({ time: i * step, cwnd, ssthresh, srtt: 40_000 + 100 * cwnd });
    if (cwnd >= top) {
      cwnd = Math.floor(top / 2);
      ssthresh = cwnd;
    } else {
      cwnd += 1;
    }
  }
  return samples;
}

/** Return a capture of counts, and of transfers from 10.0.0.1 to 10.0.N.2; N = 1 is the busiest. */
export function transfers(connections: number, length: number): string {
  const lines: [number, string][] = [];
  for (let n = 1; n <= connections; n += 1) {
    for (const { time, cwnd, ssthresh, srtt } of sawtooth(length, 0.01 * n, 30 + 5 * n)) {
      const ends = `10.0.0.1:5001 10.0.${n}.2:${41_000 + n}`;
      lines.push([time, sampleLine(time, ends, cwnd, ssthresh, srtt, n)]);
    }
  }
  for (let second = 0; second <= length; second += 1) {
    const figures = { half_open: 2, added: 10 * second, completed: 10 * second, peak: 5 };
    lines.push([second, countLine(second, figures)]);
  }
  lines.sort(([a], [b]) => a - b);
  const header = `# tcpsynq 1\n# kernel 6.1.0\n# clock_offset 1790000000.5\n# C ${COLUMNS}\n`;
  return `${header}# S ${SAMPLE_COLUMNS}\n${lines.map(([, line]) => `${line}\n`).join('')}`;
}

const HEAD = `# tcpsynq 1
# kernel 6.1.0-56-amd64
# netns 4026531840
# boot_id 0d5c8f4e-1f6b-4a57-9d0e-3c1c4b8a9d10
# clock_offset 1790000000.5
`;

export const DROP_COLUMNS = SCHEMA.D.join(' ');

/** Return a capture of these drops, and of a count each second with 10 more refused SYNs. */
export function dropCapture(seconds: number, lines: readonly string[], columns = DROP_COLUMNS) {
  return counted('drop', `# D ${columns}\n`, seconds, lines);
}

/** Return a capture of these closes, with the same counts. */
export function closeCapture(seconds: number, lines: readonly string[]) {
  return counted('close', `# X ${SCHEMA.X.join(' ')}\n`, seconds, lines);
}

function counted(kind: string, header: string, seconds: number, lines: readonly string[]): string {
  const timeOf = (line: string) => Number(line.split(' ')[1]);
  const counts = Array.from({ length: seconds + 1 }, (_, second) =>
    countLine(second, { queue_full: 7 * second, accept_full: 3 * second }),
  );
  const all = [...counts, ...lines].sort((a, b) => timeOf(a) - timeOf(b));
  return (
    `${HEAD}# filter kinds=count,${kind} interval_ms=1000\n# C ${COLUMNS}\n${header}` +
    `# L ${SCHEMA.L.join(' ')}\n${all.map((line) => `${line}\n`).join('')}`
  );
}

/** Yield `count` dropped SYNs in pieces, each of another connection. */
export function* spoofedDrops(count: number): Generator<string, void, void> {
  yield `${HEAD}# filter kinds=count,drop\n# D ${DROP_COLUMNS}\n`;
  let lines = '';
  for (let i = 0; i < count; i += 1) {
    const remote = `${1 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}.77:${1024 + (i % 60_000)}`;
    lines += `D ${(i / 1e5).toFixed(9)} tcp_v4_rcv+0x1f3 NO_SOCKET 10.9.0.1:80 ${remote} - SYN 40 - tcp\n`;
    if (lines.length > 1 << 16) {
      yield lines;
      lines = '';
    }
  }
  yield lines;
}

/** The outcomes in `incident`, and the columns that count them. */
type Ending = 'completed' | 'expired' | 'reset';

/**
 * Return a minute of every kind of record: real clients, drops, closes, two transfers, and twelve
 * lost samples. In the middle third, a flood fills a queue of 2,049.
 */
// biome-ignore lint/complexity/noExcessiveCognitiveComplexity: a minute of traffic, kind by kind, on one clock and one queue
export function incident(): string {
  const LIMIT = 2049;
  const seconds = 60;
  const lines: [number, string][] = [];
  const put = (time: number, line: string) => lines.push([time, line]);
  /** The half-opens in the queue, sorted by the time of their end. */
  const queue: { at: number; born: number; remote: string; ending: Ending; synacks: number }[] = [];
  const figures = { half_open: 0, added: 0, completed: 0, expired: 0, reset: 0 };
  const refused = { queue_full: 0, accept_full: 0 };
  let peak = 0;
  const endUntil = (time: number) => {
    while ((queue[0]?.at ?? Number.POSITIVE_INFINITY) <= time) {
      const { at, born, remote, ending, synacks } = queue.shift() as (typeof queue)[number];
      figures.half_open -= 1;
      figures[ending] += 1;
      const age = Math.round((at - born) * 1e6);
      const words = `10.9.0.1:443 ${remote} ${figures.half_open} ${ending} ${age} ${synacks}`;
      put(at, `R ${at.toFixed(9)} ${words}`);
    }
  };
  const add = (time: number, remote: string, after: number, ending: Ending, synacks: number) => {
    endUntil(time);
    if (figures.half_open >= LIMIT) {
      refused.queue_full += 1;
      return;
    }
    figures.half_open += 1;
    figures.added += 1;
    peak = Math.max(peak, figures.half_open);
    put(time, `A ${time.toFixed(9)} 10.9.0.1:443 ${remote} ${figures.half_open} ${LIMIT}`);
    const next = queue.findLastIndex(({ at }) => at <= time + after);
    queue.splice(next + 1, 0, { at: time + after, born: time, remote, ending, synacks });
  };
  for (let tick = 0; tick < seconds * 1000; tick += 1) {
    const time = tick / 1000;
    const chance = (tick * 7919) % 1009;
    if (tick % 1000 === 0) {
      endUntil(time);
      put(time, countLine(time, { ...figures, ...refused, peak }));
      peak = figures.half_open;
    }
    if (tick % 40 === 7) {
      const isSlow = chance % 37 === 0;
      const after = (isSlow ? 1.02 : 0.018) + (chance * chance) / 2e7;
      const ending = chance % 61 === 0 ? 'reset' : 'completed';
      add(
        time,
        `192.0.2.${1 + (chance % 200)}:${20_000 + tick / 4}`,
        after,
        ending,
        isSlow ? 2 : 1,
      );
    }
    if (time >= 20 && time < 40 && tick % 2 === 1) {
      add(time, `198.51.${chance % 100}.${1 + (tick % 250)}:1024`, 7, 'expired', 3);
    }
    if (chance < 60) {
      const [place, reason] =
        chance < 40 ? ['tcp_v4_rcv+0x81', 'NO_SOCKET'] : ['tcp_v4_do_rcv+0x151', 'TCP_CSUM'];
      const ends = `10.9.0.1:8080 203.0.113.${1 + (chance % 9)}:${30_000 + chance}`;
      put(time, `D ${time.toFixed(9)} ${place} ${reason} ${ends} - SYN 40 - tcp`);
    }
    if (chance > 975) {
      const cause = chance > 985 ? 'LAST_ACK fin' : 'ESTABLISHED reset_received';
      put(
        time,
        `X ${time.toFixed(9)} 10.9.0.1:443 192.0.2.${1 + (chance % 200)}:${40_000 + chance} ${cause} -`,
      );
    }
  }
  for (const n of [1, 2]) {
    for (const { time, cwnd, ssthresh, srtt } of sawtooth(seconds, 0.05 * n, 40 + 20 * n)) {
      const ends = `10.9.0.1:5001 10.0.${n}.2:${41_000 + n}`;
      put(time, sampleLine(time, ends, cwnd, ssthresh, srtt, n));
    }
  }
  put(31.5, 'L 31.500000000 S 12 12 912');
  lines.sort(([a], [b]) => a - b);
  const header = EVENT_HEADER.replace('kinds=count,event', 'kinds=count,event,sample,drop,close');
  const more = `# S ${SAMPLE_COLUMNS}\n# D ${DROP_COLUMNS}\n# X time local remote state cause stack\n`;
  return `${header}${more}${lines.map(([, line]) => `${line}\n`).join('')}`;
}

/** Yield `count` samples of `connections` transfers in pieces, with a count each second. */
export function* manySamples(count: number, connections: number): Generator<string, void, void> {
  yield `# tcpsynq 1\n# clock_offset 1790000000.5\n# C ${COLUMNS}\n# S ${SAMPLE_COLUMNS}\n`;
  let lines = '';
  for (let i = 0; i < count; i += 1) {
    const n = i % connections;
    // One dip and one peak, far from all other samples.
    const cwnd = i === 333_333 ? 1 : i === 666_666 ? 99_999 : 100 + ((i * 7919) % 900);
    if (i % 1000 === 0) {
      lines += `${countLine(i / 1000, { half_open: i === 500_000 ? 54_321 : 7, added: i })}\n`;
    }
    const ends = `10.0.0.1:5001 10.0.0.${2 + n}:${41_000 + n}`;
    lines += `${sampleLine(i / 1000, ends, cwnd, 50 + (i % 7), 40_000 + ((i * 31) % 999), n)}\n`;
    if (lines.length > 1 << 16) {
      yield lines;
      lines = '';
    }
  }
  yield lines;
}

/** Text that does harm on a page that treats it as markup. */
export const EVIL = `"'><script>alert(1)</script><img/src=x/onerror=alert(2)>&lt;`;

/** Return a capture with EVIL wherever a text is possible, and with invalid times. */
export function hostile(): string {
  const count = (time: number) =>
    countLine(time, { half_open: time, added: time, completed: time });
  const lines = [
    '# tcpsynq 1',
    `# kernel ${EVIL}`,
    `# netns ${EVIL}`,
    `# boot_id ${EVIL}</script>`,
    `# clock_offset ${'9'.repeat(300)}.5`,
    `# filter kinds=count,event,drop,close ${EVIL}=${EVIL} __proto__=1`,
    ...[0, 1, 2, 3].map(count),
    `A 3.1 ${EVIL} ${EVIL}:80 1 9`,
    `R 3.2 ${EVIL} ${EVIL}:80 1 completed 5 1`,
    `D 3.3 ${EVIL} ${EVIL} - - ${EVIL} - 40 - tcp`,
    `X 3.4 - - ${EVIL} ${EVIL} -`,
    `L 3.5 ${EVIL} 1 1 1`,
    `S 3.6 ${EVIL} ${EVIL} 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 Open ${EVIL} 1 rcv`,
    `${EVIL} \u001b[31m\u202e`,
    sampleLine(3.7, '10.0.0.1:80 10.0.0.2:1', 7, 7, 7),
    `S ${'9'.repeat(400)}.0 10.0.0.1:80 10.0.0.3:1 ${'1 '.repeat(21)}Open x 2 rcv`,
    count(4),
  ];
  return `${lines.join('\n')}\n`;
}

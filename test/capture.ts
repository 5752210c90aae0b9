/** The header and the C lines of a capture: half-open rises to `top`, then all of it expires. */
export function capture(seconds: number, top: number): string {
  const lines = [
    '# tcpsynq 1',
    '# kernel 6.1.0-56-amd64',
    '# netns 4026531840',
    '# boot_id 0d5c8f4e-1f6b-4a57-9d0e-3c1c4b8a9d10',
    '# clock_offset 1790000000.123456789',
    '# filter kinds=count interval_ms=1000',
    `# C ${COLUMNS}`,
    '# L time kind lost lost_total produced_total',
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

export const COLUMNS =
  'time half_open initial added completed expired reset unreachable closed other ' +
  'cookies cookies_ok cookies_bad queue_full accept_full peak missed lost';

/** A C line; figures not given are 0. */
export function countLine(time: number, figures: Readonly<Record<string, number>>): string {
  const values = COLUMNS.split(' ')
    .slice(1)
    .map((name) => figures[name] ?? 0);
  return `C ${time.toFixed(9)} ${values.join(' ')}`;
}

const EVENT_HEADER = `# tcpsynq 1
# kernel 6.1.0-56-amd64
# netns 4026531840
# boot_id 0d5c8f4e-1f6b-4a57-9d0e-3c1c4b8a9d10
# clock_offset 1790000000.123456789
# filter kinds=count,event interval_ms=1000
# C ${COLUMNS}
# A time local remote qlen limit
# R time local remote qlen outcome age_us synacks
# L time kind lost lost_total produced_total
`;

/** A capture of events from lines without times: they are given 0.1 s apart. */
export function eventCapture(lines: readonly string[]): string {
  const timed = lines.map((line, i) => `${line[0]} ${(i / 10).toFixed(9)}${line.slice(1)}\n`);
  return EVENT_HEADER + timed.join('');
}

/** `count` spoofed SYNs in pieces: each from another /24 or /64, to one of two listeners. */
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

/** The columns of a sample, as far as docs/format.md has them from tcp_probe, and those after. */
export const SAMPLE_COLUMNS =
  'time local remote length snd_nxt snd_una snd_cwnd ssthresh snd_wnd srtt_us rcv_wnd ' +
  'rttvar_us rto_us min_rtt_us lost retrans inflight rqueue wqueue mss pacing_rate ' +
  'delivery_rate bytes_acked ca_state ca_name cookie hook';

export const NO_SSTHRESH = 2147483647;

/** The eleven fields of tcp_probe. */
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

/** An S line, its socket told apart by `cookie`. */
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

/** A transfer whose window grows by one each `step` seconds and is halved at `top`. */
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

/** A capture of transfers between 10.0.0.1 and 10.0.N.2, the first the busiest, and of counts. */
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

export const DROP_COLUMNS = 'time location reason local remote state flags length stack proto';

/** A capture of drops: a count each second, whose refused SYNs grow by 10, and these lines. */
export function dropCapture(seconds: number, lines: readonly string[], columns = DROP_COLUMNS) {
  return counted('drop', `# D ${columns}\n`, seconds, lines);
}

/** The same of closes. */
export function closeCapture(seconds: number, lines: readonly string[]) {
  return counted('close', '# X time local remote state cause stack\n', seconds, lines);
}

function counted(kind: string, header: string, seconds: number, lines: readonly string[]): string {
  const timeOf = (line: string) => Number(line.split(' ')[1]);
  const counts = Array.from({ length: seconds + 1 }, (_, second) =>
    countLine(second, { queue_full: 7 * second, accept_full: 3 * second }),
  );
  const all = [...counts, ...lines].sort((a, b) => timeOf(a) - timeOf(b));
  return (
    `${HEAD}# filter kinds=count,${kind} interval_ms=1000\n# C ${COLUMNS}\n${header}` +
    `# L time kind lost lost_total produced_total\n${all.map((line) => `${line}\n`).join('')}`
  );
}

/** `count` dropped SYNs in pieces, each of another connection. */
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

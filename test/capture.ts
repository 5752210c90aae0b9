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

import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  capture,
  closeCapture,
  countLine,
  dropCapture,
  EVIL,
  eventCapture,
  hostile,
  incident,
  probeLine,
  transfers,
} from '../capture.js';
import { bash, named, run, start } from '../command.js';
import { chartOf, dataOf, textOf, valuesOf } from './page.js';

// Rows of test/terminal.md on `report`, and the promises of docs/report.md about the page.

let directory: string;
let made = 0;
/** An empty folder for each test. */
let folder: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tcpsynq-report-'));
});

beforeEach(async () => {
  made += 1;
  folder = join(directory, String(made));
  await mkdir(folder);
});

afterAll(() => rm(directory, { recursive: true }));

async function put(name: string, content: string | Buffer): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

/** Return the page that `report` makes of a capture. */
async function pageOf(content: string | Buffer, ...args: string[]): Promise<string> {
  const { stdout, code } = await run(['report', '-o', '-', ...args, await put('run.log', content)]);
  expect(code).toBe(0);
  return stdout;
}

let whole: Promise<string> | null = null;

/** Return the page of an incident. Make it once, because that takes half a second. */
function incidentPage(): Promise<string> {
  whole ??= pageOf(incident());
  return whole;
}

describe('the page', () => {
  test('shows everything in a capture of every kind', async () => {
    const file = await put('incident.log', incident());
    const { stdout, stderr, code } = await run(['report', file]);
    expect(stdout).toBe(`${join(folder, 'incident.html')}\n`);
    expect(stderr).toMatch(
      /^tcpsynq: 60 counts, 1802 samples, \d+ drops, \d+ closes, \d+ events in 60 s on a page of \d+ KiB\n$/,
    );
    expect(code).toBe(0);
    const page = await readFile(join(folder, 'incident.html'), 'utf8');
    expect(page).toMatch(/^<!doctype html>\n<html lang="en">/);
    expect(page).toContain('<title>incident.log</title>');
    expect(page).toContain('2026-09-21 14:13:20.123 UTC to 2026-09-21 14:14:2');
    expect(
      [...page.matchAll(/<h2 id="[\w-]+">(.*?)<\/h2>/g)].map(([, heading]) => heading),
    ).toEqual([
      'Verdict',
      'Half-open connections',
      'SYNs that did not become half-open',
      'Handshake time',
      'Connections',
      'Dropped segments',
      'Closed connections',
      'How it was recorded',
      'Losses and problems',
    ]);
    expect(dataOf(page).charts.map(({ id }) => id)).toEqual([
      'chart-half-open',
      'chart-outcomes',
      'chart-refused',
      'chart-handshake',
      'chart-cwnd-1',
      'chart-srtt-1',
      'chart-cwnd-2',
      'chart-srtt-2',
    ]);
    expect(dataOf(page).start).toBe(Number('1790000000.123456789'));
  });

  test('the verdict is that of diagnose, with its reasons and its command', async () => {
    const file = await put('incident.log', incident());
    const verdict = textOf(await readFileOf(file), 'verdict');
    const told = JSON.parse((await run(['diagnose', '--json', '-i', file])).stdout);
    expect(told.verdict).toBe('flood');
    const grouped = (line: string) => line.replace(/\B(?=(?:\d{3})+(?!\d))/g, ' ');
    for (const words of [told.words, told.rule, told.advice.command, told.advice.effect]) {
      expect(verdict).toContain(words);
    }
    for (const line of [...told.why, told.advice.wont]) {
      expect(grouped(verdict.replaceAll(' ', ''))).toContain(grouped(line.replaceAll(' ', '')));
    }
    expect(verdict).toContain('10.9.0.1:443');
  });

  test('counts, outcomes and refusals are those of the C lines', async () => {
    const text = incident();
    const page = await incidentPage();
    const last = (text.match(/^C .*/gm) ?? []).at(-1)?.split(' ').map(Number) ?? [];
    const [, , , , added, completed, expired, reset] = last;
    const shown = textOf(page, 'half-open').replaceAll(' ', ' ');
    const digits = (value = Number.NaN) => String(value).replace(/\B(?=(\d{3})+$)/g, ' ');
    expect(shown).toContain(`added ${digits(added)} `);
    expect(shown).toContain(`completed ${digits(completed)} `);
    expect(shown).toContain(`expired ${digits(expired)} `);
    expect(shown).toContain(`reset ${digits(reset)} `);
    expect(textOf(page, 'refused')).toContain(`queue_full ${digits(last[14])} `);
    const levels = chartOf(page, 'chart-half-open');
    expect(valuesOf(levels, 'half-open')).toEqual(
      (text.match(/^C .*/gm) ?? []).map((line) => Number(line.split(' ')[2])),
    );
    expect(shown).toContain('At most 2 049, by 2026-09-21 14:13:45.123 UTC; 0 at the start, ');
    expect(Math.max(...valuesOf(levels, 'peak since the count before'))).toBe(2049);
    const rates = valuesOf(chartOf(page, 'chart-outcomes'), 'expired');
    // Counts are a second apart, so the rates add up to the total. The chart repeats the first.
    expect(rates.slice(1).reduce((sum, rate) => sum + rate, 0)).toBeCloseTo(expired ?? 0, 2);
  });

  test('handshakes, drops, closes and the busiest connections', async () => {
    const text = incident();
    const page = await incidentPage();
    const lines = (pattern: RegExp) => (text.match(pattern) ?? []).length;
    const handshakes = dataOf(page).charts.find(({ id }) => id === 'chart-handshake');
    const bars = handshakes?.kind === 'bars' ? handshakes.bars.values : [];
    expect(bars.reduce<number>((sum, bar) => sum + (bar ?? 0), 0)).toBe(
      lines(/^R .* completed .*/gm),
    );
    const digits = (value: number) => String(value).replace(/\B(?=(\d{3})+$)/g, ' ');
    expect(textOf(page, 'drops')).toContain(
      `tcp_v4_rcv+0x81 ${digits(lines(/^D .*tcp_v4_rcv.*/gm))} `,
    );
    expect(textOf(page, 'closes')).toContain(`fin ${digits(lines(/^X .* fin .*/gm))} `);
    expect(textOf(page, 'connections')).toMatch(
      /10\.9\.0\.1:5001 → 10\.0\.1\.2:41001 1 201 10 to 60, last \d+ 30 to 30, last 30 41 to 46, last [\d.]+ /,
    );
    const cwnd = valuesOf(chartOf(page, 'chart-cwnd-1'), 'cwnd');
    expect([cwnd.length, Math.min(...cwnd), Math.max(...cwnd)]).toEqual([1201, 10, 60]);
    const srtt = valuesOf(chartOf(page, 'chart-srtt-1'), 'srtt');
    expect([Math.min(...srtt), Math.max(...srtt)]).toEqual([41, 46]);
  });

  test('where it was recorded, and that recorded + lost = produced', async () => {
    const page = await incidentPage();
    const origin = textOf(page, 'origin');
    for (const fact of [
      'Kernel 6.1.0-56-amd64',
      'Boot id 0d5c8f4e-1f6b-4a57-9d0e-3c1c4b8a9d10',
      'Network namespace 4026531840',
      'Filter kinds=count,event,sample,drop,close interval_ms=1000',
      'Report made by tcpsynq 0.1.0',
    ]) {
      expect(origin).toContain(fact);
    }
    const losses = textOf(page, 'losses');
    expect(losses).toContain('samples (S) 1 802 12 1 814');
    expect(losses).toContain('counts (C) 60 0 60');
    expect(losses).toContain('Every line could be read.');
  });

  test('one line for what is not there, and how to record it', async () => {
    const page = await pageOf(capture(10, 100));
    for (const [id, kind] of [
      ['handshake', 'event'],
      ['connections', 'sample'],
      ['drops', 'drop'],
      ['closes', 'close'],
    ] as const) {
      expect(textOf(page, id)).toContain(
        `record them with tcpsynq capture --kinds count,${kind} FILE`,
      );
    }
    expect(textOf(page, 'refused')).toContain('No SYN was refused');
    expect(textOf(page, 'drops')).not.toContain('while this was recorded');
    expect(textOf(await pageOf(dropCapture(3, [])), 'drops')).toBe(
      'Dropped segments No drops while this was recorded.',
    );
    expect(textOf(await pageOf(closeCapture(1, [])), 'verdict')).toBe(
      `Verdict No verdict: run.log was seen for 1 s only: it takes 2 s to tell`,
    );
    expect(dataOf(page).charts.map(({ id }) => id)).toEqual(['chart-half-open', 'chart-outcomes']);
  });

  test('--connections N: the busiest N, and the number left out', async () => {
    const text = transfers(5, 10);
    const page = await pageOf(text, '--connections', '2');
    const ids = dataOf(page).charts.map(({ id }) => id);
    expect(ids.filter((id) => id.startsWith('chart-cwnd'))).toEqual([
      'chart-cwnd-1',
      'chart-cwnd-2',
    ]);
    expect(textOf(page, 'connections')).toContain('Left out: 3 connections with ');
    const all = await pageOf(text, '--connections', '16');
    expect(textOf(all, 'connections')).not.toContain('Left out');
  });

  test('--title', async () => {
    const page = await pageOf(capture(3, 5), '--title', 'Flood of <Monday>');
    expect(page).toContain('<title>Flood of &lt;Monday&gt;</title>');
    expect(page).toContain('<h1>Flood of &lt;Monday&gt;</h1>');
  });

  test("an old log of tcp_probe's: srtt as recorded, until its unit is given", async () => {
    // Output of tcp_probe of Linux 3.10.
    const log = [
      '11.172120204 192.168.0.2:8089 192.168.0.25:54320 32 0x842ccad 0x84299c5 10 168 14608 143',
      '11.172141113 192.168.0.2:8089 192.168.0.25:54320 32 0x842ccad 0x842b60d 11 168 29088 137',
      '11.172283353 192.168.0.2:8089 192.168.0.25:54320 32 0x842f9ed 0x842bbb5 11 168 31984 133',
    ].join('\n');
    const page = await pageOf(`${log}\n`);
    const chart = chartOf(page, 'chart-srtt-1');
    expect(chart.unit).toBe('as recorded');
    expect(valuesOf(chart, 'srtt')).toEqual([143, 137, 133]);
    expect(chart.steps).toEqual([11_172_120, 21, 142]);
    expect(dataOf(page).start).toBeNull();
    expect(textOf(page, 'origin')).toContain(
      'The file has no header: nothing is known of the host.',
    );
    const said = chartOf(await pageOf(`${log}\n`, '--srtt-unit', 'jiffies:250'), 'chart-srtt-1');
    expect([said.unit, ...valuesOf(said, 'srtt')]).toEqual(['ms', 572, 548, 532]);
  });

  test('lines are broken where the recording restarted', async () => {
    const later = capture(4, 10).replace('1790000000.123456789', '1790000100.123456789');
    const page = await pageOf(`${capture(4, 10)}${later}`);
    const [peak] = chartOf(page, 'chart-half-open').series;
    expect(peak?.values).toEqual([null, 0, 5, 10, 5, 0, null, 0, 5, 10, 5, 0, null]);
    const origin = textOf(page, 'origin');
    expect(origin).toContain('Stream time 0 2026-09-21 14:13:20.123 UTC');
    expect(origin).toContain('Stream time 0 2026-09-21 14:15:00.123 UTC');
  });

  test('parts of one capture are one origin', async () => {
    const part = capture(2, 10);
    const page = await pageOf(`${part}${part.replaceAll(/^C (\d)/gm, 'C 1$1')}`);
    expect(textOf(page, 'origin')).toContain('Headers 2, all the same');
  });

  test('is the same from gzip, and from stdin to stdout', async () => {
    const text = incident();
    const plain = dataOf(await incidentPage());
    expect(dataOf(await pageOf(gzipSync(text)))).toEqual(plain);
    const piped = await run(['report', '-', '-o', '-'], text);
    expect(dataOf(piped.stdout)).toEqual(plain);
    expect(piped.stdout).toContain('<title>standard input</title>');
    expect(piped.code).toBe(0);
  });
});

describe('nothing in the file can do harm', () => {
  test('in the header, in names, in a title, in what cannot be read', async () => {
    const page = await pageOf(hostile(), '--title', `${EVIL}\u202e`);
    expect(page).toContain('&quot;&#39;&gt;&lt;script&gt;alert(1)');
    // All markup is the page's own.
    expect(page.match(/<script>alert|<img/g)).toBeNull();
    expect(page.match(/<\/script/g)).toHaveLength(4);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
    expect(page.match(/[\u0000-\u0008\u000b-\u001f\u202a-\u202e]/g)).toBeNull();
    expect(dataOf(page).charts.length).toBeGreaterThan(0);
    expect(page.length).toBeLessThan(200_000);
  });

  test('lines as long as they can be, many different ones', async () => {
    const long = (i: number) => `${'<'.repeat(60_000)}${i}`;
    const drops = Array.from(
      { length: 60 },
      (_, i) => `D ${i / 100} ${long(i)} ${long(i)} - - ${long(i)} - 40 - tcp`,
    ).filter((line) => line.length < 65_536 * 3);
    const shorter = drops.map((line) => line.replaceAll('<'.repeat(60_000), '<'.repeat(20_000)));
    const page = await pageOf(dropCapture(1, shorter));
    expect(textOf(page, 'drops')).toContain('<'.repeat(128));
    expect(page.length).toBeLessThan(1_000_000);
  });

  test('nothing is fetched, and nothing runs but what the page was made with', async () => {
    const page = await incidentPage();
    const markup = page.replace(/(<(script|style)\b[^>]*>).*?<\/\2>/gs, '$1');
    expect(
      markup.match(/\s(?:src|srcset|href|action|data|poster)\s*=\s*["']?[^"'#].{9}/gi),
    ).toBeNull();
    expect(markup.match(/\s(?:on[a-z]+|style)\s*=/gi)).toBeNull();
    expect(markup.match(/<(?:link|base|iframe|object|embed|img|form)\b/gi)).toBeNull();
    expect(page.match(/\b(?:url|fetch|import)\(|@import|XMLHttpRequest|sendBeacon/g)).toBeNull();
    const [, policy = ''] = /Content-Security-Policy" content="([^"]*)"/.exec(page) ?? [];
    expect(policy).toMatch(/^default-src 'none'; /);
    expect(policy).not.toContain('unsafe');
    const texts = [
      ...page.matchAll(/<(?:script|script type="module"|style)>(.*?)<\/(?:script|style)>/gs),
    ];
    expect(texts).toHaveLength(5);
    for (const [, text = ''] of texts) {
      const hash = createHash('sha256').update(text).digest('base64');
      expect(policy).toContain(`'sha256-${hash}'`);
    }
    expect(page).toMatch(/\/\*! .*leeoniya\/uPlot \(v1\.6\.\d+\) \*\//);
    expect(page).not.toContain(directory);
  });
});

describe('what could not be read', () => {
  test('is counted, and reported with its place', async () => {
    const text = transfers(1, 5).replace('# S ', 'S 1.0 damaged\n\u0000\u0001\n# S ');
    const file = await put('run.log', `${text}C 6.0 1`);
    const { stderr, code } = await run(['report', file]);
    expect(stderr).toMatch(/\ntcpsynq: skipped line 5: .*, and 2 lines more\n$/);
    expect(code).toBe(0);
    const losses = textOf(await readFile(join(folder, 'run.html'), 'utf8'), 'losses');
    expect(losses).toContain('3 lines could not be read, and are in no figure here.');
    expect(losses).toMatch(/line 5: 2 columns where there should be 27 line 6: not a record/);
    expect(losses).toContain('the last line has no end: was it cut?');
  });

  test('is bounded for any amount', async () => {
    const page = await pageOf(`${capture(3, 5)}${'damaged\n'.repeat(5000)}`);
    const losses = textOf(page, 'losses');
    expect(losses).toContain('5000 lines could not be read');
    expect(losses).toContain('and 4980 lines more');
  });

  test('is in no figure: events, drops and samples without their numbers', async () => {
    const lines = [
      'A 10.0.0.1:80 10.0.0.2:1 x 9',
      'R 10.0.0.1:80 10.0.0.2:1 1 completed x 1',
      'D tcp_v4_rcv+0x81 NO_SOCKET - - - - x - tcp',
      'S 10.0.0.1:80 10.0.0.2:1 1 0x1 0x1 x 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 Open c 1 rcv',
    ];
    const page = await pageOf(`${eventCapture(lines)}${countLine(1, { half_open: 3 })}\n`);
    expect(textOf(page, 'losses')).toBe(
      'Losses and problems Recorded + lost = produced Kind Recorded Lost Produced counts (C) 1 0 1 ' +
        'Lost: what the reader who wrote the file had no room for, as its L lines say; what it lost after the last of them is not known. ' +
        '4 lines could not be read, and are in no figure here. Which lines ' +
        'line 11: qlen is not a whole number from 0 on line 12: age_us is not a whole number from 0 on ' +
        'line 13: length is not a whole number from 0 on ' +
        'line 14: snd_cwnd, ssthresh and srtt_us are not all whole numbers 15 lines read.',
    );
    expect(textOf(page, 'drops')).toContain('This capture holds no drops');
  });

  test('gzip that is cut short: a page of the readable part', async () => {
    const packed = gzipSync(incident());
    const file = await put('run.gz', packed.subarray(0, packed.length / 2));
    const { stdout, stderr, code } = await run(['report', file]);
    expect(stdout).toBe(`${join(folder, 'run.html')}\n`);
    expect(stderr).toMatch(/\ntcpsynq: .*gzip data is damaged or cut short.*\n$/);
    expect(code).toBe(1);
    const page = await readFile(join(folder, 'run.html'), 'utf8');
    expect(textOf(page, 'losses')).toContain('This is not all of it: ');
  });

  test('Ctrl-C: a page of what arrived until then', async () => {
    const file = join(folder, 'run.html');
    const started = start(['report', '-', '-o', file]);
    // More than fits into the pipe: once it is written, the command has read most of it.
    await new Promise((resolve) => started.child.stdin?.write(capture(40_000, 10), resolve));
    started.child.kill('SIGINT');
    const { stdout, code } = await started.ended();
    expect(stdout).toBe(`${file}\n`);
    expect(code).toBe(0);
    expect(textOf(await readFile(file, 'utf8'), 'losses')).toContain(
      'This is not all of it: the reading was stopped.',
    );
  });
});

describe('where the page goes', () => {
  test('never over an existing file without --force', async () => {
    const file = await put('run.log', capture(3, 5));
    const page = await put('run.html', 'mine\n');
    const refused = await run(['report', file]);
    expect(refused.stderr).toBe(
      `tcpsynq: ${page} is there already: give another name with -o, or --force\n`,
    );
    expect(refused.code).toBe(1);
    expect(await readFile(page, 'utf8')).toBe('mine\n');
    expect((await run(['report', file, '--force'])).code).toBe(0);
    expect(await readFile(page, 'utf8')).toMatch(/^<!doctype html>/);
    expect((await readdir(folder)).sort()).toEqual(['run.html', 'run.log']);
  });

  test('never over the capture itself', async () => {
    const file = await put('data.html', capture(3, 5));
    const { stderr, code } = await run(['report', file, '--force']);
    expect(stderr).toMatch(/would be written over .*data\.html itself/);
    expect(code).toBe(2);
    expect(await readFile(file, 'utf8')).toBe(capture(3, 5));
  });

  test('-o, --json', async () => {
    const file = await put('run.log', capture(3, 5));
    const other = join(folder, 'other');
    const { stdout } = await run(['report', '-i', file, '-o', other, '--json']);
    const { length } = await readFile(other);
    expect(JSON.parse(stdout)).toEqual({ event: 'report', page: other, bytes: length });
  });

  test.each([
    ['/dev/null', ['--force'], 'it is no ordinary file'],
    ['.', [], 'it is a directory'],
    ['no/such/folder/a.html', [], 'no such file or directory'],
  ])('not to %s', async (output, args, message) => {
    const { stderr, code } = await run(['report', '-', '-o', output, ...args], capture(3, 5));
    expect(stderr).toMatch(new RegExp(`^tcpsynq: cannot write ${output}: ${message}`, 'm'));
    expect(code).toBe(1);
  });

  test('a reader that exits early is not an error', async () => {
    const file = await put('run.log', incident());
    const { stdout, stderr, code } = await bash(
      `$T report ${file} -o - | head -c 15; exit \${PIPESTATUS[0]}`,
    );
    expect(stdout).toBe('<!doctype html>');
    expect(stderr).toBe('');
    expect(code).toBe(0);
  });

  test.each([
    ['empty', '', 'holds no records'],
    ['headers', '# tcpsynq 1\n# kernel 6.1\n', 'holds no records'],
    ['text', 'hello\nworld\n', 'holds no records (line 1: not a record'],
    [
      'both',
      `${probeLine(1, '10.0.0.1:1 10.0.0.2:2', 1, 1, 1)}\n${transfers(1, 1)}`,
      'it holds samples in microseconds and lines of tcp_probe',
    ],
  ])('nothing of a file that is %s', async (name, text, message) => {
    const { stdout, stderr, code } = await run(['report', await put(name, text)]);
    expect(stdout).toBe('');
    expect(stderr).toContain(message);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(code).toBe(1);
    expect(await readdir(folder)).toEqual([name]);
  });

  test.each(
    named([
      [['report'], 'report needs a capture: tcpsynq report FILE'],
      [['report', 'x', '-i', 'y'], 'report reads one capture: x, or -i y'],
      [['report', '-'], 'say with -o where the page goes'],
      [['report', 'x', '-o', ''], '"" is not the name of a file'],
      [['report', 'x', '-o', '-', '--json'], '--json has no meaning with -o -'],
      [['report', 'x', '-o', '-', '--force'], '--force has no meaning with -o -'],
      [['report', 'x', '--speed', '2'], '--speed has no meaning here'],
      [['report', 'x', '--netns', '1'], '--netns has no meaning'],
      [['report', 'x', '--connections', '0'], 'a whole number from 1 to 16'],
      [['report', 'x', '--srtt-unit', 'h'], 'It takes us, ms, jiffies'],
    ]),
  )('refuses `%s`', async (_line, args, message) => {
    const { stdout, stderr, code } = await run(args);
    expect(stdout).toBe('');
    expect(stderr).toContain(message);
    expect(code).toBe(2);
  });

  test.each(['/no/such/file', '/'])('says that it cannot read %s', async (file) => {
    const { stderr, code } = await run(['report', file, '-o', '-']);
    expect(stderr).toMatch(/^tcpsynq: cannot read .*\n$/);
    expect(code).toBe(1);
  });
});

async function readFileOf(file: string): Promise<string> {
  await run(['report', file]);
  return readFile(file.replace(/\.log$/, '.html'), 'utf8');
}

test('a capture with SYNs that did not enter the queue: read, and part of the verdict', async () => {
  const syn = (i: number) =>
    `Y ${(i / 100).toFixed(9)} 10.9.0.1:443 198.18.${i % 200}.1:1024 queue_full 129 129 0 128 - - - - - - -`;
  const lines = Array.from({ length: 500 }, (_, i) => syn(i));
  const counts = [0, 1, 2, 3, 4, 5].map((time) => countLine(time, { queue_full: 100 * time }));
  const text = [...counts, ...lines]
    .sort((a, b) => Number(a.split(' ')[1]) - Number(b.split(' ')[1]))
    .join('\n');
  const { stdout, stderr, code } = await run(['report', '-', '-o', '-'], `# tcpsynq 1\n${text}\n`);
  expect(stderr).not.toContain('skipped');
  expect(code).toBe(0);
  expect(stdout).toContain('the refused are from 200 networks');
});

import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NO_SSTHRESH, probeLine, sampleLine, transfers } from './capture.js';
import { bash, named, onTerminal, run, start } from './command.js';

// Rows of test/terminal.md on `trace` that need no module.

let directory: string;
let file: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tcpsynq-trace-'));
  file = join(directory, 'capture');
  await writeFile(file, transfers(3, 20));
});

afterAll(() => rm(directory, { recursive: true }));

const LINE =
  'time local remote cwnd cwnd_min cwnd_max ssthresh srtt_ms srtt_ms_min srtt_ms_max lost retrans inflight samples/s';
const ENDS = '192.0.2.1:8089 192.0.2.25:54320';

describe('not a terminal', () => {
  test('a line per connection and interval', async () => {
    const { stdout, stderr, code } = await run(['trace', '-i', file]);
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toBe(LINE);
    expect(lines[1]).toBe(
      '2026-09-21T14:13:21.500Z 10.0.0.1:5001 10.0.1.2:41001 33 10 35 17 43.3 41 43.5 0 2 33 100',
    );
    expect(lines.filter((line) => line.startsWith('2026-09-21T14:13:30.500Z'))).toHaveLength(3);
    expect(stderr).toBe('tcpsynq: 3669 samples of 3 connections in 20 s\n');
    expect(code).toBe(0);
  });

  test('a log in which time goes back: its runs are not joined', async () => {
    const once = [0.01, 1, 2].map((time) => `${probeLine(time, ENDS, 10, 168, 143)}\n`).join('');
    const { stdout, code } = await run(['trace', '-i', '-'], once + once);
    const rows = stdout.trimEnd().split('\n').slice(1);
    expect(rows.map((row) => row.split(' ')[0])).toEqual([
      '1.000',
      '2.000',
      '2.000',
      '1.000',
      '2.000',
      '2.000',
    ]);
    expect(code).toBe(0);
  });

  test('a log of nine columns: srtt is not known', async () => {
    const line = probeLine(1, ENDS, 10, 168, 143).replace(/ \d+ \d+$/, '');
    const { stdout, stderr, code } = await run(['trace', '-i', '-'], `${line}\n`);
    expect(stdout.split('\n')[1]).toBe(`1.000 ${ENDS} 10 10 10 168 - - - - - - -`);
    expect(stderr).toBe('tcpsynq: 1 sample of 1 connection in 0 s\n');
    expect(code).toBe(0);
  });

  test('--json, --interval, --port', async () => {
    const args = ['trace', '-i', file, '--json', '--interval', '5s', '--port', '41002'];
    const { stdout } = await run(args);
    const objects = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(objects).toHaveLength(5);
    expect(objects[1]).toMatchObject({
      event: 'connection',
      time: '2026-09-21T14:13:30.500Z',
      remote: '10.0.2.2:41002',
      cwnd_range: { min: 20, max: 40 },
      srtt_ms_range: { min: 42, max: 44 },
      ca_name: 'cubic',
      samples: 250,
      samples_per_second: 50,
    });
  });

  test('--each: a line per sample, with --json every column of it', async () => {
    const { stdout } = await run(['trace', '-i', file, '--each', '--addr', '10.0.3.0/24']);
    const lines = stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(1 + 667);
    expect(lines[0]).toBe('time local remote cwnd ssthresh srtt_ms lost retrans inflight');
    expect(lines[1]).toBe('0.000000000 10.0.0.1:5001 10.0.3.2:41003 10 - 41 0 2 10');
    const json = await run(['trace', '-i', file, '--each', '--json']);
    expect(JSON.parse(json.stdout.split('\n')[0] ?? '')).toMatchObject({
      event: 'sample',
      time: '2026-09-21T14:13:20.500Z',
      snd_cwnd: 10,
      ssthresh: NO_SSTHRESH,
      cookie: '1',
      hook: 'rcv',
    });
  });

  test("a log of tcp_probe's, whose srtt has a unit only if one is given", async () => {
    const log = `${probeLine(11, ENDS, 10, 168, 143)}\n${probeLine(11.5, ENDS, 11, 168, 137)}\n`;
    const plain = await run(['trace', '-i', '-'], log);
    expect(plain.stdout.split('\n')).toMatchObject([
      LINE.replaceAll('srtt_ms', 'srtt_as_recorded'),
      `11.500 ${ENDS} 11 10 11 168 137 137 143 - - - 4`,
      '',
    ]);
    const said = await run(['trace', '-i', '-', '--srtt-unit', 'jiffies:1000'], log);
    expect(said.stdout).toContain(' 168 137 137 143 ');
    expect(said.stdout).toContain(' srtt_ms ');
  });

  test('into head -1', async () => {
    const { stdout, stderr } = await bash(
      `$T trace -i ${file} --each | head -1; echo "$PIPESTATUS"`,
    );
    expect(stdout).toMatch(/^time .*\n0\n$/);
    expect(stderr).toBe('');
  });

  test('--follow, Ctrl-C', async () => {
    const path = join(directory, 'growing');
    await writeFile(path, `${sampleLine(1, ENDS, 10, NO_SSTHRESH, 40_000)}\n`);
    const started = start(['trace', '-i', path, '--follow']);
    await appendFile(path, `${sampleLine(2.5, ENDS, 20, 10, 40_000)}\n`);
    await started.until(/2\.000 .* 10 10 10 - 40 /);
    started.child.kill('SIGINT');
    const { stdout, stderr, code } = await started.ended();
    expect(stdout).toMatch(/\n2\.500 .* 20 20 20 10 40 40 40 0 2 20 2\n$/);
    expect(stderr).toBe('tcpsynq: 2 samples of 1 connection in 1.5 s\n');
    expect(code).toBe(0);
  });

  test('-n ends it', async () => {
    const { stdout, stderr, code } = await run(['trace', '-i', file, '--each', '-n', '5']);
    expect(stdout.trimEnd().split('\n')).toHaveLength(6);
    expect(stderr).toMatch(/^tcpsynq: 5 samples of /);
    expect(code).toBe(0);
  });

  test('losses and damage', async () => {
    const text = `${sampleLine(1, ENDS, 10, 5, 1)}\nL 1.5 S 7 7 8\nS 2 what\n${sampleLine(3, ENDS, 1, 1, 1)}\n`;
    const { stderr, code } = await run(['trace', '-i', '-'], text);
    expect(stderr).toBe(
      'tcpsynq: lost 7 records of kind S, 7 in all\n' +
        'tcpsynq: skipped line 3: 2 columns where there should be 27\n' +
        'tcpsynq: 2 samples of 1 connection in 2 s, lost 7 samples\n',
    );
    expect(code).toBe(0);
  });

  test('nothing to trace', async () => {
    const none = await run(['trace', '-i', file, '--port', '1']);
    expect(none.stderr).toMatch(
      /^tcpsynq: none of the 3669 samples in .* is of a connection asked/,
    );
    const other = await run(['trace', '-i', '-'], 'hello\n');
    expect(other.stderr).toMatch(/standard input holds no samples \(line 1: not a record/);
    expect([none.code, other.code]).toEqual([1, 1]);
  });
});

test('no module', async () => {
  const { stdout, stderr, code } = await run(['trace']);
  expect(stdout).toBe('');
  expect(stderr).toMatch(/^tcpsynq: the tcpsynq module is not loaded: load it with .*\n$/);
  expect(code).toBe(1);
});

test.each(
  named([
    [['trace', '-i', 'proc'], '-i proc has none'],
    [['trace', '-i', 'x', '--full'], '--full has no meaning for a capture'],
    [['trace', '-i', 'x', '--hook', 'rcv'], '--hook has no meaning for a capture'],
    [['trace', '--each', '--interval', '1s'], '--each and --interval exclude each other'],
    [['trace', '--hook', 'up'], 'Allowed choices are rcv, xmit, both'],
    [['trace', '--follow'], '--follow needs a capture file'],
    [['trace', '--addr', 'localhost'], 'It takes an IPv4 or IPv6 network'],
  ]),
)('refuses `%s`', async (_line, args, message) => {
  const { stdout, stderr, code } = await run(args);
  expect(stdout).toBe('');
  expect(stderr).toContain(message);
  expect(code).toBe(2);
});

describe.concurrent('terminal', () => {
  test.each([
    [40, 24],
    [80, 24],
    [200, 24],
    [40, 10],
    [80, 10],
  ])('%d columns, %d rows', async (columns, rows) => {
    const started = onTerminal(['trace', '-i', file], { columns, rows });
    const lines = await started.press('', /10\.0\.1\.2:41001.* 0 ┼/s);
    expect(lines.length).toBeLessThanOrEqual(rows);
    expect(Math.max(...lines.map((line) => [...line].length))).toBeLessThanOrEqual(columns);
    const text = lines.join('\n');
    expect(text).toMatch(/10\.0\.0\.1:5001 → 10\.0\.1\.2:41001/);
    expect(text).toMatch(/cwnd \(segments\)/);
    expect(text).toMatch(/ 0 ┼/);
    expect(/cwnd \(segments\) +srtt \(ms\)/.test(text)).toBe(columns >= 70);
    expect(/CONNECTION \(3\)/.test(text)).toBe(rows === 24);
    expect(lines.at(-1)).toMatch(/q quit/);
    started.child.stdin?.write('q');
    const { stdout, code } = await started.ended();
    expect(stdout).toMatch(/\?1049l/);
    expect(stdout).toMatch(/3669 samples of 3 connections in 20 s/);
    expect(code).toBe(0);
  });

  test('keys', async () => {
    const started = onTerminal(['trace', '-i', file], { columns: 100, rows: 30 });
    await started.press('', />\*10\.0\.0\.1:5001 → 10\.0\.1\.2:41001/);
    await started.press('\u001b[B', /> 10\.0\.0\.1:5001 → 10\.0\.2\.2:41002/);
    await started.press('j', /> 10\.0\.0\.1:5001 → 10\.0\.3\.2:41003/);
    await started.press('\u001b[A', /> 10\.0\.0\.1:5001 → 10\.0\.2\.2:41002/);
    const frame = await started.press('\r', />\*10\.0\.0\.1:5001 → 10\.0\.2\.2:41002/);
    expect(frame[1]).toMatch(/^10\.0\.0\.1:5001 → 10\.0\.2\.2:41002 +cubic +cwnd \d+ +ssthresh 20/);
    await started.press('-', /-10 s/);
    await started.press('+', /-20 s/);
    await started.press('p', /PAUSED/);
    await started.press('p', /p pause/);
    await started.press('\r', />\*10\.0\.0\.1:5001 → 10\.0\.1\.2:41001/);
    started.child.stdin?.write('\u0003');
    expect((await started.ended()).code).toBe(0);
  });

  test('a replay moves', async () => {
    const started = onTerminal(['trace', '-i', file, '--speed', '10'], { columns: 80, rows: 24 });
    const first = await started.press('', /sampled [1-9]\d*\/s.*┤/s);
    expect(first.join('\n')).toMatch(/now/);
    await started.press('', /14:13:3|\d\d:\d\d:3\d/);
    started.child.stdin?.write('q');
    expect((await started.ended()).code).toBe(0);
  });

  test('TERM=dumb: lines', async () => {
    const started = onTerminal(['trace', '-i', file], { columns: 80, rows: 24 }, { TERM: 'dumb' });
    const { stdout, code } = await started.ended();
    expect(stdout).toContain('time local remote cwnd');
    expect(stdout).not.toContain('\u001b');
    expect(code).toBe(0);
  });
});

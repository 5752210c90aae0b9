import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { probeLine, transfers } from './capture.js';
import { named, onTerminal, run, start } from './command.js';
import { eventually } from './eventually.js';

// Rows of test/terminal.md on `plot`; gnuplot.test.ts tests the pictures.

const ENDS = '192.0.2.1:8089 192.0.2.25:54320';
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tcpsynq-plot-'));
});

afterAll(() => rm(directory, { recursive: true }));

/** Write a file into a new folder, and return its path. */
async function put(name: string, content: string): Promise<string> {
  const path = join(await mkdtemp(join(directory, 'test-')), name);
  await writeFile(path, content);
  return path;
}

describe.concurrent('plot', () => {
  test('--follow draws again as the file grows', async () => {
    const [head, tail] = halves(transfers(2, 20));
    const file = await put('run.log', head);
    const folder = dirname(file);
    const started = start(['plot', '--follow', file]);
    await started.until(/run\.png\n/);
    const before = await readFile(join(folder, 'run.png'));
    await appendFile(file, tail);
    const picture = async () => readFile(join(folder, 'run.png'));
    await eventually('another picture', async () => !(await picture()).equals(before));
    // A picture is complete at every moment, because the command moves it into place.
    expect((await picture()).subarray(-8, -4).toString('latin1')).toBe('IEND');
    started.child.kill('SIGTERM');
    const { stderr, code } = await started.ended();
    expect(stderr).toMatch(/^tcpsynq: 3002 samples of 2 connections and 21 counts in 20 s\n$/);
    expect(code).toBe(0);
    expect((await readdir(folder)).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  test('a log in which time goes back is two lines, one after the other', async () => {
    const log = [0.5, 1, 2, 0.5, 1].map((time) => `${probeLine(time, ENDS, 10, 168, 143)}\n`);
    const file = await put('run.log', log.join(''));
    expect((await run(['plot', file])).code).toBe(0);
    const data = await readFile(join(dirname(file), 'run-1.dat'), 'utf8');
    const rows = data.split('\n').filter((row) => !row.startsWith('#'));
    const times = rows.map((row) => row.split(' ')[0]?.slice(0, 3));
    expect(times).toEqual(['0.5', '1.0', '2.0', '', '3.5', '4.0', '']);
  });

  test('--terminal on no terminal: plain text of 80 columns', async () => {
    const file = await put('a', transfers(2, 20));
    const { stdout, stderr, code } = await run(['plot', '--terminal', file]);
    const lines = stdout.split('\n');
    expect(Math.max(...lines.map((line) => [...line].length))).toBeLessThanOrEqual(80);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escape codes are what is looked for
    expect(stdout).not.toMatch(/\u001b/);
    expect(lines[0]).toBe('10.0.0.1:5001 → 10.0.1.2:41001   2 001 samples');
    expect(lines[1]).toMatch(/^cwnd \(segments\) +srtt \(ms\)$/);
    expect(stdout).toMatch(/\n {2}-20 s|\n +-20 s/);
    expect(stdout).toMatch(/half-open \(connections\)\n/);
    expect(stderr).toMatch(/^tcpsynq: 3002 samples/);
    expect(code).toBe(0);
    expect(await readdir(dirname(file))).toEqual(['a']);
  });

  test.each([40, 80, 200])('--terminal on a terminal of %d columns', async (columns) => {
    const file = await put('a', transfers(1, 20));
    const { stdout, code } = await onTerminal(['plot', '--terminal', file], {
      columns,
      rows: 24,
    }).ended();
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escape codes are what is looked for
    const plain = stdout.replace(/\u001b\[[0-9;]*m/g, '').split('\r\n');
    const picture = plain.filter((line) => !line.startsWith('tcpsynq:'));
    expect(Math.max(...picture.map((line) => [...line].length))).toBeLessThanOrEqual(columns);
    const beside = picture.some((line) => /cwnd \(segments\) +srtt \(ms\)/.test(line));
    expect(beside).toBe(columns >= 70);
    expect(stdout).toContain('\u001b[1m');
    expect(code).toBe(0);
  });

  test.each(
    named([
      [['plot'], 'plot needs a capture: tcpsynq plot FILE'],
      [['plot', 'x', '-i', 'y'], 'plot reads one capture: x, or -i y'],
      [['plot', '-'], 'say with -o what the files are to be called'],
      [['plot', 'x', '--terminal', '--follow'], '--terminal draws once'],
      [['plot', 'x', '--terminal', '-o', 'y'], '--output has no meaning with --terminal'],
      [['plot', 'x', '--speed', '2'], '--speed'],
      [['plot', 'x', '--netns', '1'], '--netns has no meaning'],
      [['plot', 'x', '--connections', '17'], 'a whole number from 1 to 16'],
      [['plot', 'x', '--connection', '10.0.0.1:1'], 'It takes both ends'],
      [['plot', 'x', '--addr', '10.0.0.0/40'], 'It takes an IPv4 or IPv6 network'],
      [['plot', 'x', '--port', '0'], 'It takes a whole number from 1 to 65535'],
      [['plot', 'x', '--srtt-unit', 'h'], 'It takes us, ms, jiffies'],
      [['plot', 'x', '--format', 'pdf'], 'Allowed choices are png, svg'],
    ]),
  )('refuses `%s`', async (_line, args, message) => {
    const { stdout, stderr, code } = await run(args);
    expect(stdout).toBe('');
    expect(stderr).toContain(message);
    expect(code).toBe(2);
  });
});

/** Return both halves of a text, cut at the end of a line. */
function halves(text: string): [string, string] {
  const at = text.indexOf('\n', text.length / 2) + 1;
  return [text.slice(0, at), text.slice(at)];
}

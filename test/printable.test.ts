import { link, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { printable } from '../src/printable.js';
import { incident } from './capture.js';
import { bash, onTerminal, run } from './command.js';

// Arguments, file names and the text of files in errors and tables.

/** ESC, BEL, newline, CSI and another C1 control, DEL, two bidi overrides. */
const EVIL = '\u001b[31m\u0007\n\u009b2J\u0085\u007f\u202e\u2066';
const SAFE = '\\x1b[31m\\x07\\n\\u009b2J\\u0085\\x7f\\u202e\\u2066';
/** What reaches no terminal, but for the line ends. */
const RAW = /[^\P{C}\n]|[\u2028\u2029\ufffd]/u;

let directory: string;
/** A capture, and a file that is none, both with EVIL in their names. */
let [capture, garbage] = ['', ''];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tcpsynq-printable-'));
  capture = join(directory, `capture${EVIL}`);
  garbage = join(directory, `garbage${EVIL}`);
  await writeFile(capture, `${incident()}A 61.0 ${EVIL} ${EVIL}:1 2 9\n`);
  await link(capture, join(directory, 'plain'));
  await writeFile(garbage, `# tcpsynq 1\nC ${EVIL}\n${EVIL}\n`);
});
afterAll(() => rm(directory, { recursive: true }));

test('control characters, bidi overrides and invalid UTF-8 are escaped, the rest is as it was', () => {
  expect(printable(EVIL)).toBe(SAFE);
  expect(printable('\r\t\ufffd\u2028\ud800\u{e0001}')).toBe(
    '\\r\\t\\ufffd\\u2028\\ud800\\u{e0001}',
  );
  expect(printable('grün → 日本 %s \\ "x"')).toBe('grün → 日本 %s \\ "x"');
});

describe('an argument', () => {
  const LINES: readonly (readonly string[])[] = [
    ['watch', EVIL],
    [EVIL],
    [`wtch${EVIL}`],
    ['watch', `--${EVIL}`],
    ['watch', `--interva${EVIL}`],
    ['watch', '--interval', EVIL],
    ['events', '--port', EVIL],
    ['events', '--addr', EVIL],
    ['events', '--outcome', EVIL],
    ['drops', '--by', EVIL],
    ['plot', '--connection', EVIL],
    ['capture', EVIL, EVIL],
    ['capture', '--format', EVIL, 'x'],
    ['capture', '--kinds', EVIL, 'x'],
    ['export', '--listen', EVIL],
    ['completion', EVIL],
    ['watch', '--netns', EVIL],
    ['watch', '-i', EVIL],
    ['status', '-i', EVIL],
    ['capture', '-i', '/none', `${EVIL}/`],
    ['export', '--unix', `/none/${EVIL}`],
    ['export', '--textfile', `/none/${EVIL}.prom`],
  ];

  test.each(LINES.map((args) => [printable(args.join(' ')), args] as const))(
    '`%s`',
    async (_line, args) => {
      const { stdout, stderr, code } = await run(args);
      expect(stdout).toBe('');
      expect(stderr).not.toMatch(RAW);
      expect(stderr).toMatch(/^tcpsynq: /);
      // One line, and commander's hint.
      expect(stderr.replace(/\(.*\)\n/g, '').split('\n').length).toBeLessThanOrEqual(3);
      expect(code).toBeGreaterThan(0);
    },
  );

  test('that is no UTF-8', async () => {
    const { stderr } = await bash(`$T watch -i $'/none/\\xff\\xfe'`);
    expect(stderr).toBe('tcpsynq: cannot read /none/\\ufffd\\ufffd: no such file or directory\n');
  });
});

describe.each(['capture', 'garbage', 'none', 'folder'])('a file name: %s', (kind) => {
  const COMMANDS = [
    'watch',
    'count',
    'events',
    'events --top',
    'drops',
    'drops --each',
    'closes',
    'trace',
    'diagnose',
    'diagnose --check',
    'plot --terminal',
    'report -o',
    'capture',
  ];

  test.each(COMMANDS)('`%s`', async (line) => {
    const name = { capture, garbage, none: join(directory, EVIL), folder: `${directory}/` }[kind];
    const out = join(directory, `${line.replaceAll(' ', '-')}-${kind}-${EVIL}`);
    const words = line.split(' ');
    const args = /^(report|capture)/.test(line) ? [...words, out] : words;
    const { stdout, stderr } = await run([...args, '-i', name as string]);
    expect(stderr).not.toMatch(RAW);
    expect(stdout).not.toMatch(RAW);
    for (const one of stderr.split('\n').slice(0, -1)) {
      expect(one).toMatch(/^tcpsynq: /);
    }
  });
});

test('the files of a plot, on a terminal', async () => {
  const name = join(directory, `plain`);
  const started = onTerminal(['plot', name, '-o', join(directory, 'a\u202eb')], {
    columns: 200,
    rows: 50,
  });
  const { stdout } = await started.ended();
  expect(stdout).toContain('a\\u202eb.png');
  expect(stdout.replaceAll('\r', '')).not.toMatch(RAW);
});

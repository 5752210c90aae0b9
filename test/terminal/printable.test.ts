import { link, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { jsonText, printable } from '../../src/terminal/printable.js';
import {
  closeCapture,
  countLine,
  dropCapture,
  eventCapture,
  incident,
  NO_SSTHRESH,
  sampleLine,
  transfers,
} from '../capture.js';
import { bash, onTerminal, run } from '../command.js';

// Arguments, file names and text from files, in errors and tables.

/** ESC, BEL, newline, CSI and another C1 control, DEL, two bidi overrides. */
const EVIL = '\u001b[31m\u0007\n\u009b2J\u0085\u007f\u202e\u2066';
const SAFE = '\\x1b[31m\\x07\\n\\u009b2J\\u0085\\x7f\\u202e\\u2066';
/** Characters that must not reach a terminal; line ends may. */
const RAW = /[^\P{C}\n]|[\u2028\u2029\ufffd]/u;

let directory: string;
/** A capture, and a file that is not a capture, both with EVIL in their names. */
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

test('the same in JSON, which stays what it was', () => {
  const value = { [EVIL]: `${EVIL}\ufffd\u2028\ud800\u{e0001}grün "x"` };
  const text = jsonText(value);
  expect(text).not.toMatch(RAW);
  expect(text).toContain('\\u009b2J\\u0085\\u007f\\u202e\\u2066');
  expect(text).toContain('\\ufffd\\u2028\\ud800\\udb40\\udc01grün');
  expect(JSON.parse(text)).toEqual(value);
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
      // One line, and perhaps commander's suggestion: (Did you mean …?).
      expect(stderr.replace(/\(.*\)\n/g, '').split('\n').length).toBeLessThanOrEqual(3);
      expect(code).toBeGreaterThan(0);
    },
  );

  test('that is not UTF-8', async () => {
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
    if (kind === 'capture' && !/^(capture|closes|trace|plot)/.test(line)) {
      expect(stdout).not.toBe('');
    }
    for (const one of stderr.split('\n').slice(0, -1)) {
      expect(one).toMatch(/^tcpsynq: /);
    }
  });
});

describe('a value in a capture', () => {
  // The parser refuses a line with a control character, but accepts a soft hyphen.
  const VALUE = 'a\u00adb\u00ad|1';
  const [ESCAPED, IN_JSON] = [printable(VALUE), jsonText(VALUE).slice(1, -1)];
  const END = `${VALUE}:80 10.0.0.2:1`;
  const sample = sampleLine(1, '10.0.0.1:80 10.0.0.2:1', 10, NO_SSTHRESH, 1000).split(' ');
  const files: Readonly<Record<string, string>> = {
    A: eventCapture([`A ${END} 2 9`, `R ${END} 1 ${VALUE} 9 1`]),
    D: dropCapture(1, [`D 0.1 ${VALUE} ${VALUE} ${END} - SYN 40 - tcp`]),
    X: closeCapture(1, [`X 0.1 ${END} FIN_WAIT2 fin -`]),
    S: `${transfers(1, 0)}${sample.with(16, VALUE).join(' ')}\n${countLine(3, {})}\n`,
  };

  beforeAll(async () => {
    for (const [kind, text] of Object.entries(files)) {
      await writeFile(join(directory, `value-${kind}`), text);
    }
  });

  test.each([
    ['A', 'events'],
    ['D', 'drops'],
    ['D', 'drops --each'],
    ['X', 'closes'],
    ['S', 'trace'],
    ['S', 'trace --each'],
  ])('%s: `%s`, as text and as JSON', async (kind, line) => {
    // Captures are read as latin1, in which the two bytes of U+00AD are two characters.
    const read = Buffer.from(VALUE).toString('latin1');
    const args = [...line.split(' '), '-i', join(directory, `value-${kind}`)];
    const text = await run(args);
    expect(text.stdout).toContain(printable(read));
    expect(text.stdout).not.toMatch(RAW);
    const json = await run([...args, '--json']);
    expect(json.stdout).toContain(jsonText(read).slice(1, -1));
    expect(json.stdout).not.toMatch(RAW);
  });

  test.each([
    ['A', 'event'],
    ['D', 'drop'],
    ['X', 'close'],
    ['S', 'sample'],
  ])('%s: `capture -` as csv and ndjson', async (kind, kinds) => {
    for (const [format, escaped] of [
      ['csv', ESCAPED],
      ['ndjson', IN_JSON],
    ]) {
      const file = join(directory, `value-${kind}`);
      const how = ['--format', format as string, '--kinds', kinds];
      const { stdout } = await run(['capture', '-i', file, ...how, '-']);
      expect(stdout).toContain(escaped);
      expect(stdout).not.toMatch(RAW);
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

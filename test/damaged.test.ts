import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createGzip, gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { countLine, eventCapture, incident } from './capture.js';
import { named, run } from './command.js';

// Every command that takes -i, with captures that are cut short, damaged or unreadable.

let directory: string;
let [cut, joined, out] = ['', '', ''];
const whole = incident();

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tcpsynq-'));
  [cut, joined, out] = ['cut.gz', 'joined.gz', 'out'].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  const packed = gzipSync(whole);
  await writeFile(cut, packed.subarray(0, Math.floor(packed.length / 2)));
  await writeFile(joined, Buffer.concat([packed.subarray(0, packed.length - 2000), packed]));
});
afterAll(() => rm(directory, { recursive: true }));

const COMMANDS: readonly (readonly [readonly string[]])[] = [
  [['count']],
  [['watch']],
  [['watch', '--json']],
  [['diagnose']],
  [['diagnose', '--json']],
  [['events']],
  [['events', '--top']],
  [['events', '--top', '--json']],
  [['events', '--handshake']],
  [['drops']],
  [['drops', '--each']],
  [['closes']],
  [['closes', '--by', 'cause']],
  [['trace']],
  [['trace', '--each']],
  [['plot', '--terminal']],
];

/** Unpack a file that was cut, to the end of its last whole line. */
function unpacked(bytes: Buffer): string {
  const text = String(gunzipSync(bytes, { finishFlush: 2 }));
  return text.slice(0, text.lastIndexOf('\n') + 1);
}

describe('gzip that was cut', () => {
  test.each(named(COMMANDS))('`%s` shows what could be read, then says where', async (_, args) => {
    const packed = gzipSync(whole);
    const half = Math.floor(packed.length / 2);
    const shown = await run([...args, '-i', '-'], unpacked(packed.subarray(0, half)));
    const { stdout, stderr, code } = await run([...args, '-i', cut]);
    const same = stdout.replaceAll(cut, '-').replaceAll('"source":"file"', '"source":"stdin"');
    expect(same === shown.stdout).toBe(true);
    expect(stdout).not.toBe('');
    expect(stderr).toMatch(
      new RegExp(`cut.gz: the gzip data is damaged or cut short near byte ${half}; .*\n$`),
    );
    expect(code).toBe(1);
  });

  test('`capture` copies what could be read', async () => {
    const { stderr, code } = await run(['capture', '-i', cut, '--force', out]);
    expect(stderr).toMatch(/records in .*\n.*damaged or cut short near byte \d+;/);
    expect(code).toBe(1);
  });

  test('reports on the same line what the readable part lacks', async () => {
    const path = join(directory, 'events.gz');
    const lines = Array.from({ length: 500 }, (_, i) => `A 1.2.3.4:80 1.2.3.5:${i} ${i} 900`);
    const packed = gzipSync(eventCapture(lines).replace('A 0.1', `${countLine(0.1, {})}\nA 0.1`));
    await writeFile(path, packed.subarray(0, -20));
    const drops = await run(['drops', '-i', path]);
    expect(drops.stderr).toMatch(
      /^tcpsynq: .* near byte \d+; .*; it holds no drops until there\n$/,
    );
    const verdict = await run(['diagnose', '-i', path]);
    expect(verdict.stderr).toMatch(/^tcpsynq: .* near byte \d+; .* it takes 2 s to tell\n$/);
    expect([drops.code, verdict.code]).toEqual([1, 1]);
  });

  test('`diagnose --check` does not judge a part of a capture', async () => {
    const { stdout, code } = await run(['diagnose', '--check', '-i', cut]);
    expect(stdout).toMatch(/^TCPSYNQ UNKNOWN - .* damaged or cut short/);
    expect(code).toBe(3);
  });

  test('reads members after the cut one', async () => {
    const { stdout, stderr, code } = await run(['capture', '-i', joined, '-']);
    expect(stdout.endsWith(whole)).toBe(true);
    expect(stdout.length).toBeGreaterThan(1.8 * whole.length);
    expect(stderr).toContain('damaged or cut short near byte');
    expect(code).toBe(1);
  });

  test('prints one line if nothing is readable', async () => {
    for (const [args] of COMMANDS) {
      const path = join(directory, 'head.gz');
      await writeFile(path, gzipSync(whole).subarray(0, 12));
      const { stdout, stderr, code } = await run([...args, '-i', path]);
      expect(stdout).toBe('');
      expect(stderr).toMatch(/^tcpsynq: .*damaged or cut short near byte 12; .*\n$/);
      expect(code).toBe(1);
    }
  });
});

test('a packed file that is still written to, and was flushed, is read to the flush', async () => {
  const packer = createGzip();
  const bytes: Buffer[] = [];
  packer.on('data', (some) => bytes.push(some));
  packer.write(whole);
  await new Promise<void>((resolve) => packer.flush(resolve));
  await writeFile(out, Buffer.concat(bytes));
  expect((await run(['capture', '-i', out, '-'])).stdout === whole).toBe(true);
});

const EVERY = [...COMMANDS.map(([args]) => args), ['capture', '--format', 'ndjson', '-']];
const HEAD = '# tcpsynq 1\n# filter kinds=count,event,sample,drop,close\n';

describe.each([
  ['empty', ''],
  ['not text', '\u0000\u0001\u0002\n'.repeat(40)],
  ['without line ends', 'x'.repeat(300_000)],
  ['of a later format', eventCapture(['A 1.2.3.4:80 1.2.3.5:1 1 9']).replace(' 1\n', ' 2\n')],
  ['of lines whose times are none', `${HEAD}A x a b 1 2\nC x\nD 1 2\nS 1 2\nX 1\n`],
  ['cut within its only record', `${HEAD}${countLine(1, {}).slice(0, -1)}`],
])('a file in which nothing can be read: %s', (_what, text) => {
  test.each(EVERY.map((args) => [args.join(' '), args]))('`%s` exits 1', async (_, args) => {
    const { stdout, stderr, code } = await run([...args, '-i', '-'], text);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^(tcpsynq: skipped .*\n)*(tcpsynq: .* lost 0\n)?tcpsynq: .*\n$/);
    expect(stderr).not.toMatch(/Invalid|Error|NaN/);
    expect(code).toBe(1);
  });
});

test('`capture` copies what it cannot read, and exits 1', async () => {
  for (const text of ['\u0000\u0001\n', '# tcpsynq 2\nA 1.0 a b 1 2\n']) {
    const { stdout, stderr, code } = await run(['capture', '-i', '-', '-'], text);
    expect(stdout).toBe(text);
    expect(stderr).toMatch(/standard input holds no records that can be read \(line 1: /);
    expect(code).toBe(1);
  }
});

test('events, all of them unreadable', async () => {
  const lines = ['A 1.2.3.4:80 1.2.3.5:1 x 9', 'A 1.2.3.4:80 1.2.3.5:2 x 9'];
  for (const [more, args] of [
    ['', []],
    [`${countLine(1, {})}\n`, ['--top']],
  ] as const) {
    const { stdout, stderr, code } = await run(
      ['events', ...args, '-i', '-'],
      eventCapture(lines) + more,
    );
    expect(stdout).toBe('');
    expect(stderr).toMatch(/standard input holds no events that can be read \(line 11: qlen/);
    expect(code).toBe(1);
  }
});

describe('impossible times', () => {
  const far = incident().replace(/(# clock_offset ).*/, `$1${'9'.repeat(14)}.5`);

  test.each(named(COMMANDS))('`%s` goes on without a clock', async (_line, args) => {
    const { stdout, stderr, code } = await run([...args, '-i', '-'], far);
    expect(stdout).not.toBe('');
    expect(stderr).not.toMatch(/Invalid/);
    expect(stderr).toContain('line 5: clock_offset is not a number of seconds');
    expect(code).toBe(0);
  });

  test.each([[[]], [['--format', 'ndjson']], [['--format', 'csv', '--kinds', 'event']]])(
    'a time of 400 digits is skipped: capture %j',
    async (args) => {
      const text = eventCapture(['A 1.2.3.4:80 1.2.3.5:1 1 9']).replace(
        'A 0',
        `A ${'9'.repeat(400)}`,
      );
      const good = eventCapture(['A 1.2.3.4:80 1.2.3.5:1 1 9']);
      const { stdout } = await run(['capture', ...args, '-i', '-', '-'], good + text);
      expect(stdout).not.toContain('NaN');
      // A copy keeps every line; other formats skip the unreadable one.
      const alone = await run(['capture', ...args, '-i', '-', '-'], good);
      expect(alone.stdout).toContain('1.2.3.4:80');
      expect(stdout.split('1.2.3.4:80')).toHaveLength(args.length === 0 ? 3 : 2);
      expect(stdout.startsWith(alone.stdout)).toBe(true);
    },
  );
});

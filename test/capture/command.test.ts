import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createZstdCompress } from '../../src/source/zstd.js';
import { capture, countLine } from '../capture.js';
import { bash, named, run } from '../command.js';

// Rows of test/terminal.md on `capture` that need no module.

let directory: string;
let file: string;
let out: string;
const text = capture(120, 65_536);

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tcpsynq-'));
  file = join(directory, 'in');
  out = join(directory, 'out');
  await writeFile(file, text);
});
afterEach(() => rm(directory, { recursive: true }));

const read = (path: string) => readFile(path, 'utf8');
const SUMMARY = /^tcpsynq: 121 records in .*, \d\.\d KiB in .*\/out, lost 0\n$/;

test('no module', async () => {
  const { stdout, stderr, code } = await run(['capture', out]);
  expect(stdout).toBe('');
  expect(stderr).toMatch(/^tcpsynq: the tcpsynq module is not loaded: load it with .*\n$/);
  expect(code).toBe(1);
  expect(await readdir(directory)).toEqual(['in']);
});

test('a file is repaired before the module is asked', async () => {
  await writeFile(out, Buffer.concat([gzipSync(text), Buffer.alloc(100)]));
  const { stderr, code } = await run(['capture', '--append', '--compress', out]);
  expect(stderr).toMatch(/out ended in zeros: .*\n.*the tcpsynq module is not loaded/);
  expect(code).toBe(1);
  expect(await readFile(out)).toEqual(gzipSync(text));
  expect(await readdir(directory)).toEqual(['in', 'out']);
  for (const more of [[], ['--rotate', '1M']]) {
    await run(['capture', '--append', ...more, join(directory, 'new')]);
  }
  expect(await readdir(directory)).toEqual(['in', 'out']);
});

describe('a copy', () => {
  test('to a file', async () => {
    const { stdout, stderr, code } = await run(['capture', '-i', file, out]);
    expect(await read(out)).toBe(text);
    expect(stdout).toBe('');
    expect(stderr).toMatch(SUMMARY);
    expect(code).toBe(0);
  });

  test('to stdout', async () => {
    const { stdout, stderr, code } = await run(['capture', '-i', '-', '-'], text);
    expect(stdout).toBe(text);
    expect(stderr).toMatch(/^tcpsynq: 121 records .* in standard output, lost 0\n$/);
    expect(code).toBe(0);
  });

  test('of some records', async () => {
    await run(['capture', '-i', file, '-n', '5', out]);
    expect(await read(out)).toBe(
      text
        .split('\n')
        .slice(0, 8 + 5)
        .join('\n')
        .concat('\n'),
    );
  });

  test('with --fsync', async () => {
    expect((await run(['capture', '-i', file, '--fsync', out])).code).toBe(0);
    expect(await read(out)).toBe(text);
  });

  test('reports losses and unreadable lines', async () => {
    const lines = [
      countLine(1, {}),
      'L 1.5 A 40 40 99',
      '\u0000\u0001',
      countLine(2, {}),
      'C 3.0 1',
    ];
    const { stdout, stderr, code } = await run(['capture', '-i', '-', '-'], lines.join('\n'));
    expect(stdout).toBe(`${lines.slice(0, -1).join('\n')}\n`);
    expect(stderr).toContain('skipped line 3: not a record');
    expect(stderr).toMatch(/2 records .*, lines skipped: 2, lost 40\n$/);
    expect(code).toBe(0);
  });
});

describe('an existing file', () => {
  test('is refused', async () => {
    await writeFile(out, 'mine\n');
    const { stderr, code } = await run(['capture', '-i', file, out]);
    expect(stderr).toBe(
      `tcpsynq: ${out} is there already: --force overwrites it, --append adds to it\n`,
    );
    expect(code).toBe(1);
    expect(await read(out)).toBe('mine\n');
  });

  test('--force', async () => {
    await writeFile(out, 'x'.repeat(50_000));
    expect((await run(['capture', '-i', file, '--force', out])).code).toBe(0);
    expect(await read(out)).toBe(text);
  });

  test('--append, after a line that was cut', async () => {
    await writeFile(out, `${text}C 121.0 7`);
    const { stderr, code } = await run(['capture', '-i', file, '--append', out]);
    expect(stderr).toContain(`${out} ended in an unfinished line: cut off its 9 bytes\n`);
    expect(code).toBe(0);
    expect(await read(out)).toBe(text + text);
  });

  test('--append of another tap: a new epoch', async () => {
    await writeFile(out, text.replace('1790000000.', '1780000000.'));
    await run(['capture', '-i', file, '--append', out]);
    const watched = await run(['watch', '-i', out, '--json']);
    expect(new Set(watched.stdout.match(/"epoch":\d+/g)).size).toBe(2);
  });

  test('--append to a packed file', async () => {
    await writeFile(out, gzipSync(text));
    expect((await run(['capture', '-i', file, '--append', '--compress', out])).code).toBe(0);
    expect(String(gunzipSync(await readFile(out)))).toBe(text + text);
  });

  test('--append to a packed file that ends in zeros', async () => {
    await writeFile(out, Buffer.concat([gzipSync(text), Buffer.alloc(4096)]));
    const { stderr, code } = await run(['capture', '-i', file, '--append', '--compress', out]);
    expect(stderr).toContain('out ended in zeros: cut off its last 4096 bytes\n');
    expect(code).toBe(0);
    expect(String(gunzipSync(await readFile(out)))).toBe(text + text);
    expect((await run(['capture', '-i', out, '-'])).stdout).toBe(text + text);
  });

  test('--append after 300 KB without a line end', async () => {
    await writeFile(out, text + 'x'.repeat(300_000));
    const { stderr, code } = await run(['capture', '-i', file, '--append', out]);
    expect(stderr).toContain('out ended in an unfinished line: cut off its 300000 bytes\n');
    expect(code).toBe(0);
    expect(await read(out)).toBe(text + text);
  });

  test.each([
    ['raw', [], 'hello\n', 'is no raw capture'],
    ['raw', ['--compress'], 'hello\n', 'is not packed: leave --compress out'],
    ['raw', [], gzipSync('hello\n'), 'is packed with gzip: it takes --compress=gzip'],
    [
      'raw',
      ['--compress'],
      gzipSync(text).subarray(0, 500),
      'cut short near .*: nothing can be appended',
    ],
    ['csv', ['--kinds', 'count'], 'kind,time,what\n', 'has other columns'],
    ['ndjson', [], text, 'is no ndjson capture'],
  ])('--append to a file that does not fit %s', async (format, args, there, why) => {
    await writeFile(out, there);
    const all = ['capture', '-i', file, '--format', format, '--append', ...args, out];
    const { stderr, code } = await run(all);
    expect(stderr).toMatch(new RegExp(why));
    expect(code).toBe(1);
    expect(await readFile(out)).toEqual(Buffer.from(there));
  });

  test('--append of csv has one row of columns', async () => {
    const args = ['capture', '-i', file, '--format', 'csv', '--kinds', 'count', '--append', out];
    for (const _ of [1, 2]) {
      expect((await run(args)).code).toBe(0);
    }
    const rows = (await read(out)).trimEnd().split('\n');
    expect(rows).toHaveLength(1 + 2 * 121);
    expect(rows.filter((row) => row.startsWith('kind'))).toHaveLength(1);
  });
});

describe('parts', () => {
  test('each can be read alone, and all in one', async () => {
    await run(['capture', '-i', file, '--rotate', '4K', out]);
    const parts = (await readdir(directory)).filter((name) => name.startsWith('out'));
    expect(parts.sort()).toEqual(['out.000001', 'out.000002', 'out.000003']);
    let counts = 0;
    for (const part of parts) {
      const watched = await run(['watch', '-i', join(directory, part)]);
      counts += watched.stdout.trimEnd().split('\n').length - 1;
    }
    expect(counts).toBe(121);
    // All parts are of one tap, so no later part begins an epoch or leaves a gap.
    const all = await bash(`cat ${out}.0* | $T watch --json -i -`);
    expect(new Set(all.stdout.match(/"epoch":\d+/g)).size).toBe(1);
    expect(all.stdout.trimEnd().split('\n')).toHaveLength(121);
  });

  test('--keep', async () => {
    const { stderr } = await run(['capture', '-i', file, '--rotate', '4K', '--keep', '2', out]);
    expect((await readdir(directory)).sort()).toEqual(['in', 'out.000002', 'out.000003']);
    expect(stderr).toContain('older parts deleted: 1');
  });

  test('packed', async () => {
    await run(['capture', '-i', file, '--rotate', '4K', '--compress', `${out}.gz`]);
    const { stdout, code } = await run(['count', '-i', `${out}.000001.gz`]);
    expect(stdout).toMatch(/^half_open 0\n/);
    expect(code).toBe(0);
  });
});

describe('packed', () => {
  test('gzip', async () => {
    expect((await run(['capture', '--compress', '-i', file, out])).code).toBe(0);
    expect(String(gunzipSync(await readFile(out)))).toBe(text);
    expect((await run(['watch', '-i', out])).stdout).toBe(
      (await run(['watch', '-i', file])).stdout,
    );
  });

  test('zstd', async () => {
    const { stderr, code } = await run(['capture', '--compress=zstd', '-i', file, out]);
    if (createZstdCompress === undefined) {
      expect(stderr).toMatch(/^tcpsynq: --compress=zstd: this Node \(v.*\) has no zstd: 22.15/);
      expect(code).toBe(2);
      expect(await readdir(directory)).toEqual(['in']);
    } else {
      expect(code).toBe(0);
      const again = await run(['capture', '--compress=zstd', '--append', '-i', file, out]);
      expect(again.code).toBe(0);
      expect((await run(['capture', '-i', out, '-'])).stdout).toBe(text + text);
    }
  });

  test('a zstd file where Node has no zstd', async () => {
    await writeFile(out, Buffer.from('28b52ffd2400010000', 'hex'));
    const { stderr, code } = await run(['count', '-i', out]);
    expect(stderr).toMatch(
      createZstdCompress === undefined
        ? /is packed with zstd, and this Node \(v.*\) has no zstd: .*: unpack it with `zstd -d`\n$/
        : /the zstd data is damaged/,
    );
    expect(code).toBe(1);
  });
});

describe('errors', () => {
  test('the disk is full', async () => {
    const { stderr, code } = await run(['capture', '-i', file, '/dev/full']);
    expect(stderr).toMatch(
      /^tcpsynq: 121 records in .*, 0 B in \/dev\/full, last lines not written: 129, lost 0\ntcpsynq: cannot write \/dev\/full: no space left on device; what it holds is whole lines\n$/,
    );
    expect(code).toBe(1);
  });

  test('no such directory, no right, a directory', async () => {
    const to = async (path: string) => (await run(['capture', '-i', file, path])).stderr;
    expect(await to(join(directory, 'no', 'x'))).toMatch(/cannot write .*: no such file or/);
    expect(await to(directory)).toMatch(/cannot write .*: it is a directory\n$/);
    expect(await to('/proc/version/x')).toMatch(/cannot write .*: not a directory\n$/);
    // Even root may not write there.
    expect(await to('/proc/sys/x')).toMatch(/cannot write .*: (permission denied|no such file)/);
    await bash(`mkfifo ${out}`);
    expect(await to(out)).toMatch(/cannot write .*: it is a pipe; write to - and redirect that\n$/);
    const { stderr } = await run(['capture', '-i', file, '--append', out]);
    expect(stderr).toMatch(/cannot write .*: it is a pipe; write to - and redirect that\n$/);
  });

  test('the file it reads', async () => {
    const { stderr, code } = await run(['capture', '-i', file, '--force', file]);
    expect(stderr).toMatch(/is what is read: write to another file\n$/);
    expect(code).toBe(2);
    expect(await read(file)).toBe(text);
  });
});

describe('wrong usage', () => {
  test.each(
    named([
      [[], "missing required argument 'file'"],
      [['x', 'y'], 'unexpected "y": a command to run comes after --'],
      [['x', '--json'], 'capture writes JSON with --format ndjson'],
      [['-i', 'proc', 'x'], "capture records the module's stream"],
      [['-i', 'a', '--port', '1', 'x'], '--port is for the module'],
      [['-i', 'a', '--stack', 'x'], '--stack is for the module'],
      [['-i', 'a', '--proto', 'any', 'x'], '--proto is for the module'],
      [['--proto', 'udp', 'x'], 'Allowed choices are tcp, any'],
      [['-i', 'a', '--kinds', 'event', 'x'], '--kinds with -i FILE needs --format'],
      [
        ['-i', 'a', '--format', 'ndjson', '--kinds', 'evnt', 'x'],
        'there is no kind "evnt": count, event, sample, drop, close',
      ],
      [['-i', 'a', '--duration', '1s', 'x'], '--duration has no meaning'],
      [['-i', 'a', '--rotate', '1h', 'x'], '--rotate TIME has no meaning'],
      [['-i', 'a', 'x', '--', 'true'], 'a command is run while the module is read'],
      [['--format', 'xml', 'x'], 'Allowed choices are raw, tcpprobe, csv, ndjson'],
      [['--format', 'csv', 'x'], '--format csv holds one kind a file'],
      [['--format', 'csv', '--kinds', 'count,event', 'x'], '--format csv holds one kind a file'],
      [['--format', 'tcpprobe', '--kinds', 'event', 'x'], '--format tcpprobe holds samples only'],
      [['--keep', '3', 'x'], '--keep needs --rotate'],
      [['--rotate', '1', 'x'], 'It takes a size such as 500K'],
      [['--rotate', '1K', 'x'], 'A part has at least 4K'],
      [['--compress=lz4', 'x'], 'Allowed choices are gzip, zstd'],
      [['--force', '--append', 'x'], 'cannot be used with'],
      [['--port', '65536', 'x'], 'It takes a whole number from 1 to 65535'],
      [['--addr', '::1 kinds=drop', 'x'], 'It takes an IPv4 or IPv6 network'],
      [['--rotate', '1M', 'x/'], '"x/" is not the name of a file'],
      [['--rotate', '1M', '-'], '--rotate is for files'],
      [['-', '--', 'true'], "a command's own output would mix"],
    ]),
  )('`%s`', async (_line, args, message) => {
    const { stdout, stderr, code } = await run(['capture', ...args]);
    expect(stdout).toBe('');
    expect(stderr).toContain(message);
    expect(code).toBe(2);
  });
});

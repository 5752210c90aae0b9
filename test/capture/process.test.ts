import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import {
  chown,
  lchown,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { constants, gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openForWriting } from '../../src/capture/part.js';
import { createZstdCompress } from '../../src/source/zstd.js';
import { capture, countLine } from '../capture.js';
import { bash, onTerminal, run, start } from '../command.js';
import { eventually } from '../eventually.js';

// `capture` as a process: how it stops, the files that it then leaves, and the command it runs.

let top: string;
const text = capture(120, 65_536);

beforeAll(async () => {
  top = await mkdtemp(join(tmpdir(), 'tcpsynq-capture-'));
});
afterAll(() => rm(top, { recursive: true }));

/** Make a folder for one test, because the tests run at the same time. */
async function place() {
  const directory = await mkdtemp(join(top, 'test-'));
  const [file, out] = [join(directory, 'in'), join(directory, 'out')];
  await writeFile(file, text);
  return { directory, file, out };
}

const read = (path: string) => readFile(path, 'utf8');
/** Return whether a process has a file open for writing. */
function opened(pid: number | undefined, path: string): boolean {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).some((fd) => {
    try {
      const flags = readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8');
      return readlinkSync(join(folder, fd)) === path && /^flags:.*1$/m.test(flags);
    } catch {
      return false;
    }
  });
}
const SUMMARY = /^tcpsynq: 121 records in .*, \d\.\d KiB in .*\/out, lost 0\n$/;

/** Wait until a file contains the whole text. */
async function written(path: string): Promise<void> {
  const size = async () => (await stat(path).catch(() => null))?.size;
  await eventually(`${text.length} bytes in ${path}`, async () => (await size()) === text.length);
}

/** Start a capture from stdin, and wait until the file contains its first lines. */
async function underWay(out: string, args: readonly string[] = []) {
  const started = start(['capture', '-i', '-', ...args, out]);
  started.child.stdin?.write(text);
  await written(out);
  return started;
}

describe.concurrent('errors', () => {
  test('half a line fits', async () => {
    const { file, out } = await place();
    // ulimit counts kilobytes: 4,096 bytes end within a line.
    const { stderr, code } = await bash(`ulimit -f 4; $T capture -i ${file} ${out}`);
    expect(stderr).toMatch(/cannot write .*: file too large; what it holds is whole lines\n$/);
    expect(code).toBe(1);
    const held = await read(out);
    expect(held.length).toBeGreaterThan(3900);
    expect(text.startsWith(held) && held.endsWith('\n')).toBe(true);
    const missing = text.split('\n').length - held.split('\n').length;
    expect(stderr).toContain(`last lines not written: ${missing}`);
  });

  test('a part does not fit: the lines for later parts are missing too', async () => {
    const { file, out } = await place();
    const { stderr, code } = await bash(`ulimit -f 4; $T capture -i ${file} --rotate 5K ${out}`);
    expect(code).toBe(1);
    const held = await read(`${out}.000001`);
    expect(text.startsWith(held)).toBe(true);
    const missing = text.split('\n').length - held.split('\n').length;
    expect(stderr).toContain(`last lines not written: ${missing}`);
  });

  test('the end of a packed file cannot be written', async () => {
    const { file, out } = await place();
    const input = join(dirname(file), 'long');
    await writeFile(input, capture(1000, 70));
    await run(['capture', '-i', input, '--compress', out]);
    await truncate(out, (await stat(out)).size - 5);
    const { stderr, code } = await bash(
      `ulimit -f 1; $T capture -i ${file} --append --compress ${out}`,
    );
    expect(stderr).toMatch(/^tcpsynq: cannot repair .*out: file too large\n$/);
    expect(code).toBe(1);
    const { stdout } = await run(['capture', '-i', out, '-']);
    expect(stdout).toBe(capture(1000, 70));
  });

  test('stdout is full', async () => {
    const { file } = await place();
    const { stderr, code } = await bash(`$T capture -i ${file} - >/dev/full`);
    expect(stderr).toMatch(/cannot write: no space left on device\n$/);
    expect(code).toBe(1);
  });

  test('no process reads stdout', async () => {
    const { stdout, stderr } = await bash(
      `yes '${countLine(1, {})}' | $T capture -i - - | head -1; echo "\${PIPESTATUS[1]}"`,
    );
    expect(stdout).toBe(`${countLine(1, {})}\n0\n`);
    expect(stderr).toBe('');
  });

  const isRoot = process.getuid?.() === 0;

  test.runIf(isRoot)('a disk', async () => {
    const { file, directory } = await place();
    const disk = join(directory, 'disk');
    // The machine has no such device, so opening it cannot overwrite anything.
    execFileSync('mknod', [disk, 'b', '240', '9']);
    const { stderr, code } = await run(['capture', '-i', file, disk]);
    expect(stderr).toBe(`tcpsynq: cannot write ${disk}: it is a disk\n`);
    expect(code).toBe(1);
  });

  test.runIf(isRoot).each(['--append', '--force', ''])(
    "another user's link to a missing file: %s",
    async (how) => {
      const { file, directory, out } = await place();
      const target = join(directory, 'target');
      await symlink(target, out);
      await lchown(out, 65534, 65534);
      const { stderr, code } = await run(['capture', '-i', file, ...(how ? [how] : []), out]);
      expect(stderr).toBe(
        `tcpsynq: cannot write ${out}: it is a link that another user has made\n`,
      );
      expect(code).toBe(1);
      expect(existsSync(target)).toBe(false);
    },
  );

  test.runIf(isRoot)('a link that another user puts there in the meantime', async () => {
    const { directory, out } = await place();
    const [target, link] = [join(directory, 'target'), join(directory, 'link')];
    writeFileSync(target, 'mine');
    for (let i = 0; i < 200; i += 1) {
      writeFileSync(out, '');
      await symlink(target, link);
      await lchown(link, 65534, 65534);
      const opened = openForWriting(out, 'replace');
      // The rename comes before the path is checked, between the check and the open, or after.
      await setImmediate();
      await Promise.all([rename(link, out), opened.then((file) => file.close()).catch(() => {})]);
      expect(readFileSync(target, 'utf8')).toBe('mine');
      await unlink(out);
    }
  });

  test('a pipe that another user puts in the place of a device is not waited for', async () => {
    const { out } = await place();
    execFileSync('mkfifo', [out]);
    await expect(openForWriting(out, 'device')).rejects.toThrow('it was replaced in the meantime');
  });

  test.runIf(isRoot)(
    'a link to a device that another user puts there in the meantime',
    async () => {
      const { directory, out } = await place();
      const link = join(directory, 'link');
      for (let i = 0; i < 200; i += 1) {
        writeFileSync(out, '');
        await symlink('/dev/full', link);
        await lchown(link, 65534, 65534);
        const opened = openForWriting(out, 'device').then(
          (file) => file.close().then(() => 'opened'),
          () => 'refused',
        );
        await setImmediate();
        const [, outcome] = await Promise.all([rename(link, out), opened]);
        expect(outcome).toBe('refused');
        await unlink(out);
      }
    },
  );

  test('a device through a link of its own', async () => {
    const { out } = await place();
    await symlink('/dev/null', out);
    const file = await openForWriting(out, 'device');
    await file.write('lines\n');
    await file.close();
  });

  const NOBODY = 65534;

  test.runIf(isRoot).each(['--append', '--force'])(
    "another user's file is not written to: %s",
    async (how) => {
      const { file, out } = await place();
      await writeFile(out, '# tcpsynq 1\n');
      await chown(out, NOBODY, NOBODY);
      const { stderr, code } = await run(['capture', '-i', file, how, out]);
      expect(stderr).toBe(
        `tcpsynq: cannot write ${out}: it belongs to another user: delete or chown it, or write to another file\n`,
      );
      expect(code).toBe(1);
      expect(await read(out)).toBe('# tcpsynq 1\n');
    },
  );

  test('a file of the user of sudo counts as their own', async () => {
    const { file, out } = await place();
    await writeFile(out, '# tcpsynq 1\n');
    if (isRoot) {
      await chown(out, NOBODY, NOBODY);
    }
    const { code } = await bash(`SUDO_UID=${NOBODY} $T capture -i ${file} --append ${out}`);
    expect(code).toBe(0);
    expect(await read(out)).toBe(`# tcpsynq 1\n${text}`);
  });

  test('with --force, a file readable for everyone becomes one for owner and group', async () => {
    const { file, directory, out } = await place();
    const link = join(directory, 'link');
    await writeFile(out, 'old', { mode: 0o604 });
    await symlink(out, link);
    expect((await run(['capture', '-i', file, '--force', link])).code).toBe(0);
    expect((await stat(out)).mode & 0o777).toBe(0o600);
    expect(await read(out)).toBe(text);
  });

  test('through a link of its own to a missing file', async () => {
    const { file, directory, out } = await place();
    await symlink('target', out);
    expect((await run(['capture', '-i', file, '--append', out])).code).toBe(0);
    expect(await read(join(directory, 'target'))).toBe(text);
  });

  test.runIf(isRoot)('parts that another user has planted stay, and do not count', async () => {
    const { file, directory, out } = await place();
    const rotate = ['capture', '-i', file, '--rotate', '4K', '--keep', '3', '--append', out];
    await run(rotate);
    const own = (await readdir(directory)).filter((name) => name.startsWith('out.'));
    const planted = ['out.000900', 'out.000901', 'out.999999999', own.at(-1)?.replace(/.$/, '9')];
    for (const name of planted) {
      await writeFile(join(directory, name as string), '# tcpsynq 1\n');
      await chown(join(directory, name as string), NOBODY, NOBODY);
    }
    const { stderr, code } = await run(rotate);
    expect(stderr).toMatch(/older parts deleted: \d+, lost 0\n$/);
    expect(code).toBe(0);
    for (const name of planted) {
      expect(await read(join(directory, name as string))).toBe('# tcpsynq 1\n');
    }
    const now = (await readdir(directory)).filter((name) => name.startsWith('out.'));
    const ours = now.filter((name) => !planted.includes(name));
    expect(ours.sort()).toHaveLength(3);
    expect(ours.at(-1)).toMatch(/^out\.0000\d\d$/);
  });

  test('the file is cut meanwhile', async () => {
    const { out } = await place();
    const started = await underWay(out);
    await truncate(out, 0);
    started.child.stdin?.end(`${countLine(121, {})}\n`);
    const { stderr, code } = await started.ended();
    expect(stderr).toMatch(/out was cut while it was written: what it held is gone\n$/);
    expect(code).toBe(1);
  });

  test('only the owner and the group may read a capture', async () => {
    const { file, out } = await place();
    expect((await bash(`umask 0; $T capture -i ${file} ${out}`)).code).toBe(0);
    expect((await stat(out)).mode & 0o777).toBe(0o640);
  });

  test.each([[], ['--format', 'ndjson']])('a header alone: exit 1 %j', async (...format) => {
    const { file, out } = await place();
    await writeFile(file, '# tcpsynq 1\n# kernel 6.1\n');
    const { stderr, code } = await run(['capture', '-i', file, ...format, out]);
    expect(stderr).toMatch(/holds no records that can be read\n$/);
    expect(code).toBe(1);
  });

  test('a packing that this Node lacks deletes no part', async () => {
    const { file, directory, out } = await place();
    await run(['capture', '-i', file, '--rotate', '4K', out]);
    const before = readdirSync(directory);
    expect(before).toContain('out.000002');
    const { code } = await run([
      ...['capture', '-i', file, '--rotate', '4K', '--force', '--compress=zstd', out],
    ]);
    if (createZstdCompress === undefined) {
      expect(code).toBe(2);
      expect(readdirSync(directory)).toEqual(before);
    } else {
      expect(code).toBe(0);
    }
  });

  test('the file is deleted meanwhile', async () => {
    const { out } = await place();
    const started = await underWay(out);
    await unlink(out);
    started.child.stdin?.write(`${countLine(121, {})}\n`);
    const { stderr, code } = await started.ended();
    expect(stderr).toMatch(/out was deleted while it was written: what it held is gone\n$/);
    expect(code).toBe(1);
  });
});

describe.concurrent('stopped', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)('by %s', async (signal) => {
    const { out } = await place();
    const started = await underWay(out);
    started.child.stdin?.write('C 121.0 5');
    started.child.kill(signal);
    const { stderr, code } = await started.ended();
    expect(stderr).toMatch(/tcpsynq: 121 records in .*\n$/);
    expect(code).toBe(0);
    expect(await read(out)).toBe(text);
  });

  test('by --duration', async () => {
    const { out } = await place();
    const { code } = await (await underWay(out, ['--duration', '1s'])).ended();
    expect(code).toBe(0);
    expect(await read(out)).toBe(text);
  });

  test('by SIGKILL: nothing that had arrived is missing', async () => {
    const { out } = await place();
    const started = await underWay(out);
    started.child.kill('SIGKILL');
    expect((await started.ended()).signal).toBe('SIGKILL');
    expect(await read(out)).toBe(text);
  });

  test('by SIGKILL, packed: all that arrived a second before can be read', async () => {
    const { out } = await place();
    const started = start(['capture', '-i', '-', '--compress', out]);
    started.child.stdin?.write(text);
    const unpacked = async () =>
      String(gunzipSync(await readFile(out), { finishFlush: constants.Z_SYNC_FLUSH }));
    await eventually(
      `all of the text in ${out}`,
      async () => (await unpacked().catch(() => '')) === text,
    );
    started.child.kill('SIGKILL');
    await started.ended();
    const watched = await run(['watch', '-i', out]);
    expect(watched.stdout.trimEnd().split('\n')).toHaveLength(122);
    expect(watched.stderr).toMatch(
      /the gzip data is damaged or cut short near byte \d+; what could/,
    );
    const zcat = await bash(`zcat ${out}`);
    expect(zcat.stdout).toBe(text);
  });
});

describe.concurrent('started again and again, and killed each time', () => {
  const args = ['capture', '-i', '-', '--rotate', '4K', '--keep', '5', '--append'];
  /** Return the readable text of a part; '' if the part does not exist yet. */
  const held = (part: string) => {
    const bytes = existsSync(part) ? readFileSync(part) : Buffer.alloc(0);
    const isPacked = part.endsWith('.gz') && bytes.length > 10;
    return String(isPacked ? gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH }) : bytes);
  };
  const parts = async (directory: string) =>
    (await readdir(directory)).filter((name) => name.startsWith('out.')).sort();

  /** Run a capture until `isSeen`, then kill it. */
  async function killed(
    out: string,
    more: readonly string[],
    input: string,
    isSeen: () => boolean,
  ) {
    const started = start([...args, ...more, out]);
    started.child.stdin?.write(input);
    await eventually(`a start of ${out} to get on`, isSeen);
    started.child.kill('SIGKILL');
    await started.ended();
  }

  test.each([[[]], [['--compress']]])('without a record it deletes nothing: %j', async (more) => {
    const { directory, file, out } = await place();
    await run(['capture', '-i', file, '--rotate', '4K', ...more, out]);
    const before = await parts(directory);
    const header = text.slice(0, text.indexOf('\nC ') + 1);
    for (let i = 0; i < 3; i += 1) {
      await killed(out, [...more, '--keep', String(before.length)], header, () =>
        existsSync(join(directory, '.out.lock')),
      );
    }
    expect(await parts(directory)).toEqual(before);
  });

  test.each([
    ['', []],
    ['.gz', ['--compress']],
  ])('with records it goes on in the last part: out%s', async (ending, more) => {
    const { directory, out } = await place();
    const [path, part] = [out + ending, join(directory, `out.000001${ending}`)];
    const line = (start: number) => `# tcpsynq 1\n${countLine(start, {})}\n`;
    for (let i = 1; i <= 5; i += 1) {
      await killed(path, more, line(i), () => held(part).endsWith(line(i)));
    }
    expect(await parts(directory)).toEqual([`out.000001${ending}`]);
    await run(
      ['capture', '-i', '-', '--append', ...more, join(directory, `out.000001${ending}`)],
      line(6),
    );
    const { stdout, stderr, code } = await run([
      'capture',
      '-i',
      join(directory, `out.000001${ending}`),
      '-',
    ]);
    expect(stdout).toBe([1, 2, 3, 4, 5, 6].map(line).join(''));
    expect(stderr).toMatch(/^tcpsynq: 6 records/);
    expect(code).toBe(0);
    if (ending !== '') {
      expect((await bash(`zcat ${out}.000001.gz`)).stdout).toBe(stdout);
    }
  });
});

describe.concurrent('two captures to one file', () => {
  test.each([
    ['--force', []],
    ['--append', []],
    ['--append', ['--rotate', '1M']],
    ['--force', ['--rotate', '1M']],
    ['--append', ['--compress']],
  ])('the second one with %s %j ends at once, and changes nothing', async (how, more) => {
    const { directory, file, out } = await place();
    const path = more.includes('--rotate') ? `${out}.000001` : out;
    const started = start(['capture', '-i', '-', ...more, out]);
    started.child.stdin?.write(text);
    await eventually(
      `bytes in ${path}`,
      async () => ((await stat(path).catch(() => null))?.size ?? 0) > 100,
    );
    const before = await readFile(path);
    const { stdout, stderr, code } = await run(['capture', '-i', file, how, ...more, out]);
    expect(stdout).toBe('');
    expect(stderr).toBe(
      `tcpsynq: another capture writes to ${out}: stop it, or write to another file\n`,
    );
    expect(code).toBe(1);
    expect(await readFile(path)).toEqual(before);
    started.child.stdin?.end();
    expect((await started.ended()).stderr).toMatch(/121 records .* lost 0\n$/);
    expect((await readdir(directory)).filter((name) => name.startsWith('.'))).toEqual([]);
    expect((await run(['capture', '-i', file, how, ...more, out])).code).toBe(0);
  });

  test('a killed one leaves no lock', async () => {
    const { directory, file, out } = await place();
    for (const more of [[], ['--rotate', '1M']]) {
      const started = start(['capture', '-i', '-', ...more, out]);
      started.child.stdin?.write(text);
      await written(more.length > 0 ? `${out}.000001` : out);
      started.child.kill('SIGKILL');
      await started.ended();
      expect((await run(['capture', '-i', file, '--append', ...more, out])).code).toBe(0);
    }
    expect((await readdir(directory)).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  test('a device is shared', async () => {
    const started = start(['capture', '-i', '-', '/dev/null']);
    const { pid } = started.child;
    await eventually('the first capture to open /dev/null', () => opened(pid, '/dev/null'));
    expect((await run(['capture', '-i', '-', '/dev/null'], text)).code).toBe(0);
    started.child.stdin?.end(text);
    expect((await started.ended()).code).toBe(0);
  });

  test('a lock by a user with only read permission does not stop it', async () => {
    const { file, out } = await place();
    await writeFile(out, '');
    const { stdout } = await bash(
      `flock --shared ${out} $T capture -i ${file} --force ${out} 2>&1`,
    );
    expect(stdout).toMatch(SUMMARY);
  });

  test('a link or a pipe in place of the lock: one line, and nothing is made', async () => {
    const { directory, file, out } = await place();
    for (const plant of ['ln -s nologin', 'mkfifo']) {
      const lock = join(directory, '.out.lock');
      const line = `cd ${directory}; ${plant} .out.lock; $T capture -i ${file} --force out`;
      const { stderr, code } = await bash(line);
      expect(stderr).toMatch(
        /^tcpsynq: cannot keep other captures from out: .*\.out\.lock: not a regular file\n/,
      );
      expect(code).toBe(0);
      expect((await readdir(directory)).sort()).toEqual(['.out.lock', 'in', 'out']);
      await rm(lock);
      await rm(out);
    }
  });

  test('a part of a rotated capture has the lock of the whole', async () => {
    const { file, out } = await place();
    const started = start(['capture', '-i', '-', '--rotate', '1M', out]);
    started.child.stdin?.write(text);
    await written(`${out}.000001`);
    const part = `${out}.000001`;
    expect((await run(['capture', '-i', file, '--append', part])).stderr).toBe(
      `tcpsynq: another capture writes to ${part}: stop it, or write to another file\n`,
    );
    started.child.stdin?.end();
    await started.ended();
  });

  test('stdout is shared', async () => {
    const { file, out } = await place();
    const { stderr, code } = await bash(
      `($T capture -i ${file} - & $T capture -i ${file} - & wait) >>${out}`,
    );
    expect(stderr.match(/121 records .* in standard output, lost 0\n/g)).toHaveLength(2);
    expect(code).toBe(0);
    expect((await read(out)).split('\n').sort()).toEqual(`${text}${text}`.split('\n').sort());
  });

  test('where there is no flock, it captures without a lock', async () => {
    const { directory, file, out } = await place();
    const env = { PATH: '/nonexistent' };
    for (const more of [[], ['--rotate', '1M']]) {
      const ended = await start(['capture', '-i', file, '--append', ...more, out], env).ended();
      expect(ended.stderr).toContain(
        `tcpsynq: cannot keep other captures from ${out}: flock is not installed (package util-linux)\n`,
      );
      expect(ended.code).toBe(0);
    }
    expect((await readdir(directory)).sort()).toEqual(['in', 'out', 'out.000001']);
  });
});

test('a full disk costs a packed file no more than the records since its last flush', async () => {
  const { directory, out } = await place();
  const random = randomBytes(3_000_000).toString('hex');
  const lines = Array.from({ length: 60_000 }, (_, i) => {
    const word = random.slice(100 * i, 100 * i + 100);
    return `A ${(i / 1000).toFixed(9)} 10.9.0.1:80 1.2.3.4:5 1 9 ${word}\n`;
  });
  const input = join(directory, 'many');
  await writeFile(input, lines.join(''));
  // About half of it fits. Reading takes less than the second after which packed data are flushed.
  const { stderr, code } = await bash(`ulimit -f 2000; $T capture -i ${input} --compress ${out}`);
  expect(stderr).toMatch(/cannot write .*: file too large; what it holds is whole lines\n$/);
  expect(code).toBe(1);
  const held = String(gunzipSync(await readFile(out))).split('\n').length - 1;
  expect(lines.join('').startsWith(String(gunzipSync(await readFile(out))))).toBe(true);
  const [, taken, unwritten] = /(\d+) records .*last lines not written: (\d+)/.exec(stderr) ?? [];
  expect(held + Number(unwritten)).toBe(Number(taken));
  // At most a chunk of 512 KiB, and 256 KiB since the last flush.
  expect(Number(unwritten) * 150).toBeLessThan(800_000);
  expect(held).toBeGreaterThan(10_000);
});

describe.concurrent('-- COMMAND', () => {
  const during = (out: string, script: string) => {
    const started = start(['capture', '-i', '-', out, '--', 'sh', '-c', script]);
    started.child.stdin?.write(text);
    return started;
  };

  /** Return a line of shell that waits until a file contains the whole text. */
  const untilWhole = (out: string) =>
    `until [ "$(wc -c <${out})" -eq ${text.length} ]; do sleep 0.05; done`;

  test('ends with its exit status, and passes on what it prints', async () => {
    const { out } = await place();
    const { stdout, stderr, code } = await during(
      out,
      `${untilWhole(out)}; echo hello; exit 7`,
    ).ended();
    expect(stdout).toBe('hello\n');
    expect(stderr).toMatch(SUMMARY);
    expect(code).toBe(7);
    expect(await read(out)).toBe(text);
  });

  test('gets its arguments as they are', async () => {
    const { out } = await place();
    const words = ['capture', '-i', '-', out, '--', 'printf', '%s|', '--compress', '-n', 'a b'];
    const started = start(words);
    started.child.stdin?.write(text);
    expect(await started.ended()).toMatchObject({ stdout: '--compress|-n|a b|', code: 0 });
  });

  test('signals go to it', async () => {
    const { out } = await place();
    const started = during(
      out,
      'trap "echo got; exit 3" TERM; echo ready; while :; do sleep 0.1; done',
    );
    await started.until(/ready/);
    started.child.kill('SIGTERM');
    expect(await started.ended()).toMatchObject({ stdout: 'ready\ngot\n', code: 3 });
    expect(await read(out)).toBe(text);
  });

  test('killed by a signal: 128 and its number', async () => {
    const { out } = await place();
    expect((await during(out, 'kill -KILL $$').ended()).code).toBe(137);
  });

  test.each([
    ['no-such-command', 'no such file or directory', 127],
    ['/etc/passwd', 'permission denied', 126],
  ])('that cannot be run: %s', async (command, why, status) => {
    const { out } = await place();
    const { stderr, code } = await start(['capture', '-i', '-', out, '--', command]).ended();
    expect(stderr.split('\n')[0]).toBe(`tcpsynq: cannot run ${command}: ${why}`);
    expect(code).toBe(status);
  });

  test('goes on when the disk is full', async () => {
    const { stdout, stderr, code } = await during('/dev/full', 'sleep 1; echo done').ended();
    expect(stdout).toBe('done\n');
    expect(stderr).toMatch(/cannot write \/dev\/full/);
    expect(code).toBe(1);
  });
});

test.concurrent.each([40, 200])('progress on a terminal of %d columns', async (columns) => {
  const { out } = await place();
  const started = onTerminal(['capture', '-i', '-', out], { columns, rows: 10 });
  started.child.stdin?.write(text.replaceAll('\n', '\r'));
  await started.until(/\r\d+ records {3}[\d.]+\/s {3}[\d.]+ \w+/);
  started.child.stdin?.write('\u0003');
  const { stdout, code } = await started.ended();
  const shown = stdout.split('\u001b[K')[0]?.split('\r').at(-1) ?? '';
  expect(shown).toMatch(/^\d+ records/);
  expect(shown.length).toBeLessThan(columns);
  expect(stdout).toContain(`\u001b[Ktcpsynq: `);
  expect(code).toBe(0);
});

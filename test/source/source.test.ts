import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Failure, Usage } from '../../src/failure.js';
import type { Namespace } from '../../src/proc/namespace.js';
import { findOwners } from '../../src/proc/owners.js';
import { followChunks, openFile, streamChunks } from '../../src/source/file.js';
import { decode, LineTally } from '../../src/source/lines.js';
import { stretched } from '../../src/source/pace.js';
import { live, recorded } from '../../src/source/select.js';
import type { SourceEvent } from '../../src/source/source.js';
import { MAX_LINE } from '../../src/stream/parser.js';
import { capture, countLine } from '../capture.js';

let directory: string;
let abort: AbortController;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tcpsynq-'));
  abort = new AbortController();
});

afterEach(async () => {
  abort.abort();
  await rm(directory, { recursive: true });
});

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const result: T[] = [];
  for await (const item of items) {
    result.push(item);
  }
  return result;
}

const noStdin = () => Readable.from([]);

test('a signal that came before the first read ends a silent input', async () => {
  const silent = new PassThrough();
  abort.abort();
  expect(await all(streamChunks(silent, 'standard input', abort.signal))).toEqual([]);
  expect(silent.destroyed).toBe(true);
  const file = join(directory, 'growing');
  await writeFile(file, 'x\n');
  expect(await all(followChunks(file, abort.signal))).toEqual([]);
});

test('a pipe is not followed: not at first, nor in the place of the file', async () => {
  const pipe = join(directory, 'pipe');
  execFileSync('mkfifo', [pipe]);
  await expect(all(followChunks(pipe, abort.signal))).rejects.toThrow(
    `cannot follow ${pipe}: it is not a regular file; read a pipe with -i -`,
  );
  const file = join(directory, 'growing');
  await writeFile(file, 'x\n');
  const chunks = followChunks(file, abort.signal);
  expect(String((await chunks.next()).value)).toBe('x\n');
  const next = chunks.next();
  await rename(pipe, file);
  await expect(next).rejects.toThrow('it is not a regular file');
});

describe('decode', () => {
  async function decoded(chunks: readonly Buffer[]) {
    const tally = new LineTally();
    const events = await all(decode(Readable.from(chunks), abort.signal, tally));
    return { tally, events };
  }

  test('reports the same wherever the bytes are cut, also within a character', async () => {
    const bytes = Buffer.from(
      `# tcpsynq 1\n# kernel 6.1-é€😀\n${countLine(1, { half_open: 3 })}\n`,
    );
    const { events: whole } = await decoded([bytes]);
    expect(whole[0]).toMatchObject({ type: 'epoch', header: { kernel: '6.1-é€😀' } });
    expect(whole).toHaveLength(2);
    for (let at = 1; at < bytes.length; at += 1) {
      const { events } = await decoded([bytes.subarray(0, at), bytes.subarray(at)]);
      expect(events).toEqual(whole);
    }
  });

  test('does not take a last line without an end for whole', async () => {
    const { tally } = await decoded([Buffer.from(`${countLine(0, {})}\n${countLine(1, {})}`)]);
    expect(tally).toMatchObject({ records: 1, problems: { count: 1 } });
    expect(tally.problems.words).toBe('line 2: the last line has no end: was it cut?');
  });

  test('skips an endless line, counts it, and goes on', async () => {
    const chunk = Buffer.alloc(MAX_LINE, 'x');
    const chunks = [...new Array<Buffer>(50).fill(chunk), Buffer.from(`\n${countLine(1, {})}\n`)];
    const { tally, events } = await decoded(chunks);
    expect(tally).toMatchObject({ records: 1, problems: { count: 1 } });
    expect(tally.problems.words).toMatch(/^line 1: longer/);
    expect(events.map(({ type }) => type)).toEqual(['note', 'epoch', 'count']);
  });

  test('the header of the next part of the same tap begins no epoch', async () => {
    const parts = [capture(2, 4), `${capture(0, 0).replace(/^C.*\n/m, '')}${countLine(3, {})}\n`];
    const { events } = await decoded([Buffer.from(parts.join(''))]);
    expect(events.filter(({ type }) => type === 'epoch')).toHaveLength(1);
    expect(events.filter(({ type }) => type === 'count')).toHaveLength(4);
  });

  test('a second header is a second epoch', async () => {
    const { events } = await decoded([Buffer.from(capture(2, 4) + capture(2, 4))]);
    expect(events.filter(({ type }) => type === 'epoch')).toHaveLength(2);
    expect(events.filter(({ type }) => type === 'count')).toHaveLength(6);
  });

  test('an error of the source is an error here, after all whole lines before it', async () => {
    const failing = (async function* () {
      yield Buffer.from(`${capture(1000, 5)}${countLine(1001, {})}`);
      throw new Failure('broken');
    })();
    const tally = new LineTally();
    const read: SourceEvent[] = [];
    const reading = async () => {
      for await (const event of decode(failing, abort.signal, tally)) {
        read.push(event);
        await new Promise(setImmediate);
      }
    };
    await expect(reading()).rejects.toThrow('broken');
    expect(tally).toMatchObject({ records: 1001, problems: { count: 0 } });
    expect(read).toHaveLength(1002);
  });
});

describe('a capture', () => {
  const counts = (events: readonly SourceEvent[]) =>
    events.filter(({ type }) => type === 'count').length;

  test('is read plain and packed', async () => {
    const [plain, packed] = [join(directory, 'a'), join(directory, 'a.gz')];
    await writeFile(plain, capture(10, 5));
    await writeFile(packed, gzipSync(capture(10, 5)));
    for (const path of [plain, packed]) {
      expect(counts(await all(recorded(path, {}, noStdin, abort.signal)))).toBe(11);
    }
  });

  test('that is packed and cut short fails after what could be read', async () => {
    const path = join(directory, 'a.gz');
    await writeFile(path, gzipSync(capture(1000, 5)).subarray(0, -20));
    await expect(all(recorded(path, {}, noStdin, abort.signal))).rejects.toThrow(/cut short/);
  });

  test.each(['', 'x', 'nothing\nin here\n'])('without a record fails: %j', async (text) => {
    const path = join(directory, 'a');
    await writeFile(path, text);
    await expect(all(recorded(path, {}, noStdin, abort.signal))).rejects.toThrow(/no tcpsynq/);
  });

  test('that cannot be read fails', async () => {
    expect(() => openFile(join(directory, 'none'))).toThrow(/no such file/);
    expect(() => openFile(directory)).toThrow(/directory/);
  });

  test("is not one of the module's own files", async () => {
    const events = recorded('/proc/net/tcpsynq', {}, noStdin, abort.signal);
    await expect(all(events)).rejects.toThrow(Usage);
  });

  test('from a stream ends with the signal', async () => {
    const endless = new Readable({ read() {} });
    setTimeout(() => abort.abort(), 20);
    expect(await all(streamChunks(endless, 'it', abort.signal))).toEqual([]);
  });
});

describe('following a file', () => {
  test('goes on as it grows, and from the start when it is replaced', async () => {
    const path = join(directory, 'a');
    await writeFile(path, 'one\n');
    const chunks = followChunks(path, abort.signal);
    const next = async () => String((await chunks.next()).value);
    expect(await next()).toBe('one\n');
    setTimeout(() => void writeFile(path, 'two\n', { flag: 'a' }), 50);
    expect(await next()).toBe('two\n');
    setTimeout(() => void writeFile(path, 'new\n'), 50);
    expect(await next()).toBe('\n');
    expect(await next()).toBe('new\n');
    setTimeout(() => abort.abort(), 50);
    expect((await chunks.next()).done).toBe(true);
  });

  test('reads a file of /proc, which looks cut each time, ten times a second', async () => {
    setTimeout(() => abort.abort(), 500);
    const chunks = await all(followChunks('/proc/self/limits', abort.signal));
    expect(chunks.length).toBeGreaterThan(0);
    expect(chunks.length).toBeLessThan(20);
  });

  test('refuses what cannot be followed', async () => {
    const path = join(directory, 'a.gz');
    await writeFile(path, gzipSync('one\n'));
    await expect(followChunks(path, abort.signal).next()).rejects.toThrow(/not followed/);
    const none = join(directory, 'none');
    await expect(followChunks(none, abort.signal).next()).rejects.toThrow(/no such file/);
  });
});

describe('this host', () => {
  function namespace(): Namespace {
    return { net: directory, pid: null, inode: '42', close() {} };
  }

  function wanted() {
    return { namespace: namespace(), interval: 20, listeners: true, signal: abort.signal };
  }

  async function writeStat(half_open: number, added: number) {
    await mkdir(join(directory, 'stat'), { recursive: true });
    const row = [half_open, added].map((value) => value.toString(16).padStart(16, '0')).join(' ');
    await writeFile(join(directory, 'stat/tcpsynq'), `half_open added\n${row}\n`);
  }

  test('without the module, auto takes what the kernel shows, module fails', async () => {
    await writeFile(join(directory, 'tcp'), 'header\n');
    await writeFile(join(directory, 'netstat'), 'TcpExt: ListenDrops\nTcpExt: 5\n');
    const events = live('auto', wanted());
    expect(await events.next()).toMatchObject({
      value: { type: 'note', text: expect.stringMatching(/not loaded.*not known there/) },
    });
    expect(await events.next()).toMatchObject({ value: { info: { source: 'proc' } } });
    await events.next();
    expect(await events.next()).toMatchObject({
      value: { count: { figures: { half_open: 0, listen_drops: 5 } } },
    });
    await events.return();
    await expect(live('module', wanted()).next()).rejects.toThrow(/not loaded: load it with/);
  });

  test('reads the counters, waits while the module is away, and starts a new epoch', async () => {
    await writeStat(3, 10);
    const events = live('auto', wanted());
    const until = async (type: SourceEvent['type']) => {
      for (;;) {
        const { value } = await events.next();
        if (value?.type === type) {
          return value;
        }
      }
    };
    expect(await until('source')).toMatchObject({
      info: { source: 'module', from: join(directory, 'stat/tcpsynq') },
    });
    expect(await until('count')).toMatchObject({ count: { half_open: 3 } });
    await rm(join(directory, 'stat'), { recursive: true });
    await until('waiting');
    await writeStat(1, 1);
    await until('epoch');
    expect(await until('count')).toMatchObject({ count: { half_open: 1 } });
  });

  test('counters that fell behind are a new epoch too', async () => {
    await writeStat(3, 10);
    const events = live('module', wanted());
    const seen: string[] = [];
    for await (const event of events) {
      seen.push(event.type);
      if (seen.filter((type) => type === 'count').length === 1) {
        await writeStat(0, 0);
      }
      if (seen.filter((type) => type === 'epoch').length === 2) {
        break;
      }
    }
    expect(seen.at(-1)).toBe('epoch');
  });

  test('reports the listeners before each count', async () => {
    await writeStat(0, 0);
    const header = 'local inode uid qlen young holds accept_qlen backlog defer_accept drops warned';
    await writeFile(
      join(directory, 'tcpsynq_listeners'),
      `${header}\n0.0.0.0:80 1 0 5 5 129 0 128 0 0 0\n`,
    );
    const types: string[] = [];
    for await (const event of live('auto', wanted())) {
      types.push(event.type);
      if (event.type === 'count') {
        break;
      }
    }
    expect(types).toEqual(['note', 'source', 'epoch', 'listeners', 'count']);
  });
});

test('the interval grows until a reading takes a tenth of it', () => {
  expect(stretched(1000, 99)).toBe(1000);
  expect(stretched(1000, 250)).toBe(2500);
});

test('finds the processes that hold a socket', async () => {
  const sockets: Readonly<Record<string, readonly number[]>> = { 812: [7, 8], 30: [7], 900: [9] };
  for (const [pid, inodes] of Object.entries(sockets)) {
    await mkdir(join(directory, pid, 'fd'), { recursive: true });
    await writeFile(join(directory, pid, 'comm'), `name${pid}\n`);
    for (const inode of inodes) {
      await symlink(`socket:[${inode}]`, join(directory, pid, 'fd', String(inode)));
    }
    await symlink('/dev/null', join(directory, pid, 'fd', '0'));
  }
  await mkdir(join(directory, '1000'));
  const owners = await findOwners(new Set([7, 8]), directory);
  expect(owners.get(7)).toEqual([
    { pid: 30, name: 'name30', state: '?', parent: 0 },
    { pid: 812, name: 'name812', state: '?', parent: 0 },
  ]);
  expect(owners.get(8)).toEqual([{ pid: 812, name: 'name812', state: '?', parent: 0 }]);
  expect(owners.get(9)).toBeUndefined();
});

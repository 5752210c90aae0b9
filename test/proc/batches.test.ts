import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { inBatches } from '../../src/proc/batches.js';
import { findNamespaces } from '../../src/proc/namespaces.js';
import { findOwners } from '../../src/proc/owners.js';
import { addProcess } from '../proc.js';

let proc: string;

beforeEach(async () => {
  proc = await mkdtemp(join(tmpdir(), 'tcpsynq-'));
});

afterEach(() => rm(proc, { recursive: true }));

/** Return the result of a function, and the most file system calls that ran at the same time. */
async function observed<T>(work: () => Promise<T>): Promise<{ result: T; atMost: number }> {
  let atMost = 0;
  let isOver = false;
  const look = () => {
    const calls = process.getActiveResourcesInfo().filter((name) => name === 'FSReqPromise');
    atMost = Math.max(atMost, calls.length);
    if (!isOver) {
      setImmediate(look);
    }
  };
  const working = work();
  look();
  const result = await working;
  isOver = true;
  return { result, atMost };
}

test('the links of a process with many open files are read a few at a time', async () => {
  const fd = join(proc, '7', 'fd');
  await mkdir(fd, { recursive: true });
  await writeFile(join(proc, '7', 'comm'), 'server\n');
  // The name of a process may contain a `)`, which also ends it.
  await writeFile(join(proc, '7', 'stat'), '7 (a) T (b) T 3 7 7 0 -1\n');
  for (let i = 0; i < 1000; i += 1) {
    await symlink(`socket:[${i}]`, join(fd, String(i)));
  }
  const { result, atMost } = await observed(() => findOwners(new Set([5, 999, 1000]), proc));
  const owner = { pid: 7, name: 'server', state: 'T', parent: 3 };
  expect([...result]).toEqual([
    [5, [owner]],
    [999, [owner]],
  ]);
  expect(atMost).toBeLessThan(100);
});

test('the namespaces of many processes are read a few at a time', async () => {
  for (let pid = 1; pid <= 300; pid += 1) {
    await addProcess(proc, pid, pid % 3);
  }
  const { result, atMost } = await observed(() => findNamespaces(proc));
  expect(result.found.map(({ pid, inode }) => [pid, inode])).toEqual([
    [1, '1'],
    [2, '2'],
    [3, '0'],
  ]);
  expect(atMost).toBeLessThan(100);
});

test('results keep the order of the items, and a failure ends the rest', async () => {
  const items = Array.from({ length: 200 }, (_, i) => i);
  const results: number[] = [];
  for await (const result of inBatches(items, async (item) => item * 2)) {
    results.push(result);
  }
  expect(results).toEqual(items.map((item) => item * 2));
  let calls = 0;
  const failing = inBatches(items, async () => {
    calls += 1;
    throw new Error('no');
  });
  await expect(failing.next()).rejects.toThrow('no');
  expect(calls).toBeLessThan(100);
});

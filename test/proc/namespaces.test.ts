import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findNamespaces } from '../../src/proc/namespaces.js';
import { addProcess } from '../proc.js';

let proc: string;

beforeEach(async () => {
  proc = await mkdtemp(join(tmpdir(), 'tcpsynq-'));
});

afterEach(() => rm(proc, { recursive: true }));

test('each namespace once, through its process with the lowest id', async () => {
  await addProcess(proc, 200, 7);
  await addProcess(proc, 9, 7);
  await addProcess(proc, 1, 5);
  await mkdir(join(proc, 'sys'));
  // A process that is exiting has no link to its namespace.
  await mkdir(join(proc, '300'));
  await writeFile(join(proc, 'version'), '');
  const { found, hidden } = await findNamespaces(proc);
  expect(found.map(({ inode, pid, net }) => [inode, pid, net])).toEqual([
    ['5', 1, join(proc, '1', 'net')],
    ['7', 9, join(proc, '9', 'net')],
  ]);
  expect(hidden).toBe(0);
});

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readListeners, readStat, readStatus } from '../../src/proc/module.js';
import type { Namespace } from '../../src/proc/namespace.js';
import { readProcFigures, tallySockets } from '../../src/proc/sockets.js';
import { openTap } from '../../src/source/tap.js';
import { addProcess, enter, loadInto, namespaceOf, plainInto } from '../proc.js';

let proc: string;
let namespace: Namespace;

beforeEach(async () => {
  proc = await mkdtemp(join(tmpdir(), 'tcpsynq-'));
  const net = await addProcess(proc, 812, 7);
  await plainInto(net);
  await loadInto(net, { half_open: 3 });
  await writeFile(join(net, 'tcpsynq'), '');
  namespace = { ...namespaceOf(net, '7'), pid: 812 };
});

afterEach(() => rm(proc, { recursive: true }));

describe('the process that shows a namespace', () => {
  const readings: [string, () => Promise<unknown>][] = [
    ['stat', () => readStat(namespace)],
    ['listeners', () => readListeners(namespace)],
    ['status', () => readStatus(namespace)],
    ['sockets', () => tallySockets(namespace)],
    ['counters', () => readProcFigures(namespace)],
    ['a tap', () => openTap(namespace, {})],
  ];

  test.each(readings.slice(0, -1))('is there: %s', async (_name, read) => {
    await expect(read()).resolves.toBeDefined();
  });

  test.each(readings)('has ended, and its id is that of another: %s', async (_name, read) => {
    await enter(proc, 812, 8);
    await expect(read()).rejects.toThrow(
      'process 812, which showed the network namespace, has ended',
    );
  });

  test.each(readings)('has ended: %s', async (_name, read) => {
    await rm(join(proc, '812'), { recursive: true });
    await expect(read()).rejects.toThrow(
      'process 812, which showed the network namespace, has ended',
    );
  });
});

import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { parseInteger } from '../stream/number.js';
import type { QueueSettings } from './listeners.js';
import { type Namespace, whileThere } from './namespace.js';

const FILES = [
  '/proc/sys/net/core/somaxconn',
  '/proc/sys/net/ipv4/tcp_max_syn_backlog',
  '/proc/sys/net/ipv4/tcp_syncookies',
] as const;

/**
 * Read the settings that bound SYN queues; null without permission. They belong to a namespace, and
 * /proc/sys/net shows the reader's own. So a process inside another namespace reads them.
 */
export async function readQueueSettings(namespace: Namespace): Promise<QueueSettings> {
  const { pid } = namespace;
  const texts = await whileThere(
    namespace,
    pid === null
      ? Promise.all(FILES.map((path) => readFile(path, 'utf8').catch(() => '')))
      : readInside(pid),
  );
  const [somaxconn = null, tcp_max_syn_backlog = null, tcp_syncookies = null] = FILES.map(
    (_, i) => parseInteger(texts[i]?.trim() ?? '') ?? null,
  );
  return { somaxconn, tcp_max_syn_backlog, tcp_syncookies };
}

async function readInside(pid: number): Promise<string[]> {
  try {
    const { stdout } = await promisify(execFile)('nsenter', [
      `--net=/proc/${pid}/ns/net`,
      'cat',
      ...FILES,
    ]);
    return stdout.split('\n');
  } catch {
    return [];
  }
}

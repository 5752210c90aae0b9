import { errno } from '../failure.js';
import { type Namespace, readInode } from './namespace.js';
import { processes } from './processes.js';

/** The network namespaces that processes are in. */
export interface Namespaces {
  /** Each once, seen through its process with the lowest id, in the order of these. */
  readonly found: readonly Namespace[];
  /** Processes whose namespace we may not know: the right to trace them is what it takes. */
  readonly hidden: number;
}

/**
 * Finds every network namespace that a process is in, by the inode: O(processes). One that only
 * `ip netns` or an open file holds is not seen.
 */
export async function findNamespaces(proc = '/proc'): Promise<Namespaces> {
  const pids = await processes(proc);
  let hidden = 0;
  const inodes = await Promise.all(
    pids.map((pid) =>
      readInode(String(pid), proc).catch((error) => {
        hidden += ['EACCES', 'EPERM'].includes(errno(error) ?? '') ? 1 : 0;
        return null;
      }),
    ),
  );
  const found = new Map<string, Namespace>();
  for (const [i, inode] of inodes.entries()) {
    if (inode !== null && !found.has(inode)) {
      const pid = pids[i] as number;
      found.set(inode, { net: `${proc}/${pid}/net`, pid, inode, name: `pid ${pid}`, close() {} });
    }
  }
  return { found: [...found.values()], hidden };
}

import { errno } from '../failure.js';
import { inBatches, processes } from './batches.js';
import { type Namespace, readInode } from './namespace.js';

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
  let hidden = 0;
  const look = async (pid: number) => ({
    pid,
    inode: await readInode(`${proc}/${pid}`).catch((error) => {
      hidden += ['EACCES', 'EPERM'].includes(errno(error) ?? '') ? 1 : 0;
      return null;
    }),
  });
  const found = new Map<string, Namespace>();
  for await (const { pid, inode } of inBatches(await processes(proc), look)) {
    if (inode !== null && !found.has(inode)) {
      found.set(inode, { net: `${proc}/${pid}/net`, pid, inode, close() {} });
    }
  }
  return { found: [...found.values()], hidden };
}

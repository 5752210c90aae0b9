import { errno } from '../failure.js';
import { inBatches, processes } from './batches.js';
import { type Namespace, readInode } from './namespace.js';

/** The network namespaces of processes. */
export interface Namespaces {
  /** Each namespace once, through its process with the lowest id, in the order of these ids. */
  readonly found: readonly Namespace[];
  /** Number of processes whose namespace cannot be read: that takes the right to trace them. */
  readonly hidden: number;
}

/**
 * Find the network namespaces of all processes, by inode: O(processes). Namespaces that only `ip
 * netns` or an open file holds are not found.
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

import { readdir, readFile, readlink } from 'node:fs/promises';
import { inBatches, processes } from './batches.js';

/** A process that holds a socket. */
export interface Owner {
  readonly pid: number;
  readonly name: string;
  /** A letter as in proc_pid_stat(5), such as S for sleeping and T for stopped; ? if not known. */
  readonly state: string;
  /** Its parent's process id; 0 if there is none, or it is not known. */
  readonly parent: number;
}

/**
 * Return the processes that hold each of the sockets, by inode, lowest process id first: so a
 * server's parent comes before its workers. Processes that we may not look into are left out.
 */
export async function findOwners(
  inodes: ReadonlySet<number>,
  proc = '/proc',
): Promise<Map<number, Owner[]>> {
  const owners = new Map<number, Owner[]>();
  for (const pid of await processes(proc)) {
    const held = await socketsOf(`${proc}/${pid}/fd`, inodes);
    if (held.size > 0) {
      const owner = await ownerOf(pid, `${proc}/${pid}`);
      for (const inode of held) {
        const known = owners.get(inode) ?? [];
        known.push(owner);
        owners.set(inode, known);
      }
    }
  }
  return owners;
}

async function ownerOf(pid: number, folder: string): Promise<Owner> {
  const text = (name: string) => readFile(`${folder}/${name}`, 'utf8').catch(() => '');
  const name = (await text('comm')).trim() || '?';
  // The name in this file may hold any character, even a parenthesis.
  const stat = await text('stat');
  const [state = '?', parent = '0'] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { pid, name, state: stat === '' ? '?' : state, parent: Number(parent) || 0 };
}

/** Return whether a process is stopped, by a signal or a tracer. */
export const isStopped = ({ state }: Owner) => state === 'T' || state === 't';

/**
 * Sort processes that should accept, the first to look at first: stopped ones, those in
 * uninterruptible sleep, then the others. Within each of these, workers come before the parent that
 * only holds the socket for them.
 */
export function byTrouble(owners: readonly Owner[]): Owner[] {
  const parents = new Set(owners.map(({ parent }) => parent));
  const rank = (owner: Owner) =>
    (isStopped(owner) ? 0 : owner.state === 'D' ? 2 : 4) + (parents.has(owner.pid) ? 1 : 0);
  return [...owners].sort((a, b) => rank(a) - rank(b) || a.pid - b.pid);
}

async function socketsOf(directory: string, inodes: ReadonlySet<number>): Promise<Set<number>> {
  const names = await readdir(directory).catch(() => []);
  const held = new Set<number>();
  const linkOf = (name: string) => readlink(`${directory}/${name}`).catch(() => '');
  for await (const link of inBatches(names, linkOf)) {
    const inode = Number(/^socket:\[(\d+)\]$/.exec(link)?.[1]);
    if (inodes.has(inode)) {
      held.add(inode);
    }
  }
  return held;
}

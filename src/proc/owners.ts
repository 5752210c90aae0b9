import { readdir, readFile, readlink } from 'node:fs/promises';
import { inBatches, processes } from './batches.js';

/** A process that holds a socket. */
export interface Owner {
  readonly pid: number;
  readonly name: string;
}

/**
 * The processes that hold each of the sockets, by inode, lowest process id first: so a server's
 * parent comes before its workers. What we may not look into is left out, and so is a socket
 * nobody visible holds.
 */
export async function findOwners(
  inodes: ReadonlySet<number>,
  proc = '/proc',
): Promise<Map<number, Owner[]>> {
  const owners = new Map<number, Owner[]>();
  for (const pid of await processes(proc)) {
    const held = await socketsOf(`${proc}/${pid}/fd`, inodes);
    if (held.size > 0) {
      const name = await readFile(`${proc}/${pid}/comm`, 'utf8').catch(() => '?');
      for (const inode of held) {
        const known = owners.get(inode) ?? [];
        known.push({ pid, name: name.trim() });
        owners.set(inode, known);
      }
    }
  }
  return owners;
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

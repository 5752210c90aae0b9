import { readlink, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errno, Failure, Usage } from '../failure.js';

/** A network namespace to read. */
export interface Namespace {
  /** The directory that shows the namespace's /proc/net. */
  readonly net: string;
  /** A process in it, or null for this process's own. */
  readonly pid: number | null;
  /** Its inode as a decimal string, as in the stream's header; null without permission. */
  readonly inode: string | null;
  close(): void;
}

const NSENTER_PATIENCE = 5000;

/**
 * Find a namespace by the id of a process in it or by its name from `ip netns`; undefined means
 * this process's own. /proc/net is a link to self/net, and only /proc/PID/net shows another
 * namespace. So an idle child process in a named namespace shows that one. The child's standard
 * input is a pipe from this process, so that the child ends with this process in any case.
 */
export async function openNamespace(spec: string | undefined): Promise<Namespace> {
  if (spec === undefined) {
    const inode = await inodeOf('/proc/self');
    return { net: '/proc/net', pid: null, inode, close() {} };
  }
  if (/^\d+$/.test(spec)) {
    const pid = Number(spec);
    await stat(`/proc/${pid}/net`).catch(() => {
      throw new Failure(`there is no process ${spec}: give --netns a process id or a name`);
    });
    return { net: `/proc/${pid}/net`, pid, inode: await inodeOf(`/proc/${pid}`), close() {} };
  }
  if (spec === '' || spec === '.' || spec === '..' || spec.includes('/')) {
    throw new Usage(`--netns takes a process id or a name from \`ip netns\`, not "${spec}"`);
  }
  return hold(spec);
}

/**
 * Return the inode of a process's network namespace. Reject like readlink(): EACCES, ENOENT.
 *
 * @param process its directory, such as `/proc/1`
 */
export async function readInode(process: string): Promise<string | null> {
  const link = await readlink(`${process}/ns/net`);
  return /^net:\[(\d+)\]$/.exec(link)?.[1] ?? null;
}

function inodeOf(process: string): Promise<string | null> {
  return readInode(process).catch(() => null);
}

async function hold(name: string): Promise<Namespace> {
  const { spawn } = await import('node:child_process');
  const { setTimeout: sleep } = await import('node:timers/promises');
  const path = `/run/netns/${name}`;
  const wanted = await stat(path).catch((error) => {
    throw new Failure(
      errno(error) === 'ENOENT'
        ? `there is no network namespace "${name}": \`ip netns\` lists them`
        : `cannot look at ${path}: are you root?`,
    );
  });
  // Start the child in its own session: a signal from the terminal to this process group must not
  // end the child first.
  const child = spawn('nsenter', [`--net=${path}`, 'cat'], {
    stdio: ['pipe', 'ignore', 'pipe'],
    detached: true,
  });
  let complaint = '';
  let ended = false;
  child.stderr.on('data', (chunk) => {
    complaint += String(chunk);
  });
  child.stdin.on('error', () => {});
  child.on('error', () => {
    complaint = 'nsenter is not installed (package util-linux)';
    ended = true;
  });
  child.on('exit', () => {
    ended = true;
  });
  const give_up = Date.now() + NSENTER_PATIENCE;
  while (child.pid === undefined || (await inodeOf(`/proc/${child.pid}`)) !== String(wanted.ino)) {
    if (ended || Date.now() > give_up) {
      child.kill();
      throw new Failure(`cannot enter the network namespace "${name}": ${complaint.trim()}`);
    }
    await sleep(5);
  }
  child.unref();
  return {
    net: `/proc/${child.pid}/net`,
    pid: child.pid,
    inode: String(wanted.ino),
    close: () => {
      child.kill();
    },
  };
}

/**
 * Fail if the process that shows a namespace has ended. By then its id may belong to another
 * process.
 */
export async function expectThere({ net, pid, inode }: Namespace): Promise<void> {
  if (pid !== null && (await inodeOf(dirname(net))) !== inode) {
    throw new Failure(`process ${pid}, which showed the network namespace, has ended`);
  }
}

/**
 * Await a reading of a namespace, and return it. Fail if the process that shows the namespace has
 * ended: its files are then gone, or belong to another namespace.
 */
export async function whileThere<T>(namespace: Namespace, reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } finally {
    await expectThere(namespace);
  }
}

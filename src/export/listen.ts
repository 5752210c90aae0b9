import { spawn } from 'node:child_process';
import { lstatSync, unlinkSync } from 'node:fs';
import { chmod, type FileHandle, lstat, open, rename, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import { type AddressInfo, createConnection, type ListenOptions } from 'node:net';
import { dirname, join } from 'node:path';
import { getSystemErrorMap } from 'node:util';
import { errno, Failure, inWords } from '../failure.js';

/** Where to listen: an address, or the path of a socket. */
export type Place = { readonly host: string; readonly port: number } | { readonly path: string };

/** A server that listens. */
export interface Listening {
  /** Where, in words: with port 0 the kernel has chosen one. */
  readonly name: string;
  /** Remove the socket's file, if it still is this server's. To be called before the server closes. */
  remove(): void;
}

/** For the path of a socket, in bytes: 107 in sun_path of unix(7), less the name of a draft. */
export const MAX_PATH = 107 - '/.4194304'.length;

/** The owner and the group may connect, whatever the umask is. */
const MODE = 0o660;
/** For another that is starting to release the folder, in seconds. */
const LOCK_PATIENCE_S = 5;

/**
 * Listen, and resolve when clients can connect.
 *
 * @throws Failure if it cannot be, with the reason
 */
export async function listen(server: Server, place: Place): Promise<Listening> {
  if ('path' in place) {
    return listenAtPath(server, place.path);
  }
  await listening(server, place, nameOf(place.host, place.port));
  const { port } = server.address() as AddressInfo;
  return { name: `http://${nameOf(place.host, port)}/metrics`, remove() {} };
}

/**
 * Listen on a socket with a name. A socket on which no process listens is replaced.
 *
 * The folder is locked from the look at the old socket until the new one is in its place, so of two
 * that start at once the second sees the first listen. The lock is flock(2)'s: the kernel releases
 * it when the process ends in any way, and it needs no file that could be left behind.
 *
 * The socket is made under another name and renamed. Node removes a socket's file by the name that
 * it was made under, even if it is another's by then; `remove` compares it first.
 */
async function listenAtPath(server: Server, path: string): Promise<Listening> {
  const lock = await lockFolder(path);
  const draft = join(dirname(path), `.${process.pid}`);
  try {
    await refuseOccupied(path);
    await rm(draft, { force: true });
    await listening(server, { path: draft }, path);
    await chmod(draft, MODE);
    const { dev, ino } = await lstat(draft);
    await rename(draft, path);
    const remove = () => {
      const now = lstatSync(path, { throwIfNoEntry: false });
      if (now !== undefined && now.dev === dev && now.ino === ino) {
        unlinkSync(path);
      }
    };
    return { name: `unix:${path}`, remove };
  } catch (error) {
    throw error instanceof Failure ? error : cannotListen(path, inWords(error));
  } finally {
    await rm(draft, { force: true }).catch(() => {});
    await lock.close();
  }
}

/** Lock the folder of a path until the returned handle is closed. */
async function lockFolder(path: string): Promise<FileHandle> {
  const folder = await open(dirname(path), 'r').catch((error) => {
    throw cannotListen(path, inWords(error));
  });
  // flock(1) locks the open file that it inherits, which stays locked when flock has ended.
  const child = spawn('flock', ['--wait', String(LOCK_PATIENCE_S), '3'], {
    stdio: ['ignore', 'ignore', 'ignore', folder.fd],
  });
  const trouble = await new Promise<string | null>((resolve) => {
    child.on('error', () => resolve('flock is not installed (package util-linux)'));
    child.on('close', (code) => resolve(code === 0 ? null : 'its folder is locked'));
  });
  if (trouble !== null) {
    await folder.close();
    throw cannotListen(path, trouble);
  }
  return folder;
}

function nameOf(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function listening(server: Server, options: ListenOptions, name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    // Later ones too, such as too many open files: they end no server.
    server.on('error', (error: NodeJS.ErrnoException) => {
      reject(cannotListen(name, reason(error)));
    });
    server.listen(options, resolve);
  });
}

function reason(error: NodeJS.ErrnoException): string {
  return getSystemErrorMap().get(error.errno ?? 0)?.[1] ?? inWords(error);
}

function cannotListen(name: string, why: string): Failure {
  return new Failure(`cannot listen on ${name}: ${why}`);
}

/** Throw unless there is nothing at the path, or a socket on which no process listens. */
async function refuseOccupied(path: string): Promise<void> {
  const there = await lstat(path).catch((error) => {
    if (errno(error) === 'ENOENT') {
      return null;
    }
    throw error;
  });
  if (there === null) {
    return;
  }
  if (!there.isSocket()) {
    throw cannotListen(path, 'there is a file of that name, and it is no socket');
  }
  const answer = await knock(path);
  if (answer !== 'ECONNREFUSED') {
    throw cannotListen(path, answer === null ? 'address already in use' : `it answers ${answer}`);
  }
}

/** Null if a process listens there, else the name of the error. */
function knock(path: string): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = createConnection(path, () => {
      socket.destroy();
      resolve(null);
    });
    socket.on('error', (error) => resolve(errno(error) ?? error.message));
  });
}

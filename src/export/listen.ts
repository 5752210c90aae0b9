import { randomBytes } from 'node:crypto';
import { lstatSync, unlinkSync } from 'node:fs';
import { lstat, rename, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import { type AddressInfo, createConnection, type ListenOptions } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { errno, Failure, inWords, reasonOf } from '../failure.js';
import { FileLock, Held } from '../lock.js';

/** An address to listen on, or the path of a socket. */
export type Place = { readonly host: string; readonly port: number } | { readonly path: string };

/** A server that listens. */
export interface Listening {
  /** The address in words, with the port that the kernel chose if port 0 was requested. */
  readonly name: string;
  /** Remove the socket's file, if it still is this server's. Call it before the server closes. */
  remove(): void;
}

/**
 * Maximum length of a socket's path in bytes: 107 in sun_path of unix(7), less room for a temporary
 * name.
 */
export const MAX_PATH = 107 - '/.AbCd-_9'.length;

/** The owner and the group may connect: mode 0660. */
const UMASK = 0o117;
/** Time for another starting exporter to release the lock, in ms. */
const LOCK_PATIENCE_MS = 5000;

/**
 * Listen, and resolve when clients can connect.
 *
 * @throws Failure with the reason if that is impossible
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
 * Listen on a Unix socket at a path. Replace an old socket on which no process listens.
 *
 * A lock protects the path from the check of the old socket until the new one is in place. So if
 * two exporters start at once, the second sees that the first listens.
 *
 * The socket is made under a temporary name and renamed. Node removes a socket's file by its
 * original name, even if that file belongs to another server by then. `remove` compares the file
 * first.
 */
async function listenAtPath(server: Server, path: string): Promise<Listening> {
  const lock = await lockName(path);
  // A short name that other users cannot guess.
  const draft = join(dirname(path), `.${randomBytes(5).toString('base64url')}`);
  try {
    await refuseOccupied(path);
    await listeningForGroup(server, draft, path);
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
    await lock.release();
  }
}

/** Lock the name of a socket by a file beside it. */
function lockName(path: string): Promise<FileLock> {
  const file = join(dirname(path), `.${basename(path)}.lock`);
  return FileLock.take(file, LOCK_PATIENCE_MS).catch((error) => {
    throw error instanceof Held
      ? cannotListen(path, `${file} is locked: another exporter is starting`)
      : error instanceof Failure
        ? cannotListen(path, error.message)
        : error;
  });
}

/**
 * Make the socket with its final mode: a later chmod() by name could follow a link made in between.
 */
function listeningForGroup(server: Server, path: string, name: string): Promise<void> {
  const umask = process.umask(UMASK);
  try {
    // Node binds the socket before this call returns, so the umask applies.
    return listening(server, { path }, name);
  } finally {
    process.umask(umask);
  }
}

function nameOf(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function listening(server: Server, options: ListenOptions, name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    // Handle later errors too, such as too many open files: they must not end the server.
    server.on('error', (error: NodeJS.ErrnoException) => {
      reject(cannotListen(name, reasonOf(error)));
    });
    server.listen(options, resolve);
  });
}

function cannotListen(name: string, why: string): Failure {
  return new Failure(`cannot listen on ${name}: ${why}`);
}

/** Throw unless the path is free, or a socket on which no process listens. */
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

/** Return null if a process listens there, else the name of the error. */
function knock(path: string): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = createConnection(path, () => {
      socket.destroy();
      resolve(null);
    });
    socket.on('error', (error) => resolve(errno(error) ?? error.message));
  });
}

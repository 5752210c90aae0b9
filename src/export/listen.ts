import { chmod, lstat, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import { type AddressInfo, createConnection, type ListenOptions } from 'node:net';
import { getSystemErrorMap } from 'node:util';
import { errno, Failure, inWords } from '../failure.js';

/** Where to listen: an address, or the path of a socket. */
export type Place = { readonly host: string; readonly port: number } | { readonly path: string };

/** The owner and the group may connect, whatever the umask is. */
const MODE = 0o660;

/**
 * Listens, and resolves when that is so.
 *
 * @returns where, in words: with port 0 the kernel has chosen one
 * @throws Failure if it cannot be, with the reason
 */
export async function listen(server: Server, place: Place): Promise<string> {
  if ('path' in place) {
    await clear(place.path);
    await listening(server, { path: place.path }, place.path);
    await chmod(place.path, MODE);
    return `unix:${place.path}`;
  }
  await listening(server, place, nameOf(place.host, place.port));
  return `http://${nameOf(place.host, (server.address() as AddressInfo).port)}/metrics`;
}

function nameOf(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function listening(server: Server, options: ListenOptions, name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    // Later ones too, such as too many open files: they end no server.
    server.on('error', (error: NodeJS.ErrnoException) => {
      reject(new Failure(`cannot listen on ${name}: ${reason(error)}`));
    });
    server.listen(options, resolve);
  });
}

function reason(error: NodeJS.ErrnoException): string {
  return getSystemErrorMap().get(error.errno ?? 0)?.[1] ?? inWords(error);
}

/** Removes the socket that one who did not end by himself has left, and nothing else. */
async function clear(path: string): Promise<void> {
  const refuse = (why: string) => new Failure(`cannot listen on ${path}: ${why}`);
  const there = await lstat(path).catch((error) => {
    if (errno(error) === 'ENOENT') {
      return null;
    }
    throw refuse(inWords(error));
  });
  if (there === null) {
    return;
  }
  if (!there.isSocket()) {
    throw refuse('there is a file of that name, and it is no socket');
  }
  const answer = await knock(path);
  if (answer !== 'ECONNREFUSED') {
    throw refuse(answer === null ? 'address already in use' : `it answers ${answer}`);
  }
  await rm(path, { force: true }).catch((error) => {
    throw refuse(inWords(error));
  });
}

/** Null if someone listens there, else the name of the error. */
function knock(path: string): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = createConnection(path, () => {
      socket.destroy();
      resolve(null);
    });
    socket.on('error', (error) => resolve(errno(error) ?? error.message));
  });
}

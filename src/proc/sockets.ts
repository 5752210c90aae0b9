import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { errno, Failure, inWords } from '../failure.js';
import type { Counters } from '../stream/counters.js';
import { type Namespace, whileThere } from './namespace.js';
import { parseNetstat, SocketTally } from './tcp.js';

/** Count TCP sockets by walking /proc/net/tcp and tcp6: O(sockets), for the kernel too. */
export function tallySockets(namespace: Namespace, signal?: AbortSignal): Promise<SocketTally> {
  return whileThere(namespace, walk(namespace, signal));
}

async function walk(namespace: Namespace, signal?: AbortSignal): Promise<SocketTally> {
  const tally = new SocketTally();
  for (const name of ['tcp', 'tcp6']) {
    const path = `${namespace.net}/${name}`;
    try {
      const options = { highWaterMark: 256 * 1024, ...(signal === undefined ? {} : { signal }) };
      for await (const chunk of createReadStream(path, options) as AsyncIterable<Buffer>) {
        tally.push(chunk);
      }
    } catch (error) {
      // Without IPv6, tcp6 is missing.
      if (!(name === 'tcp6' && errno(error) === 'ENOENT') && !signal?.aborted) {
        throw new Failure(`cannot read ${path}: ${inWords(error)}`);
      }
    }
    tally.endOfFile();
  }
  return tally;
}

/** Read half-opens, cookies and refusals without the module; omit unknown figures. */
export async function readProcFigures(
  namespace: Namespace,
  signal?: AbortSignal,
): Promise<Counters & { readonly half_open: number }> {
  const reading = Promise.all([
    walk(namespace, signal),
    readFile(`${namespace.net}/netstat`, 'utf8').catch(() => ''),
  ]);
  const [tally, netstat] = await whileThere(namespace, reading);
  return { half_open: tally.halfOpen, ...parseNetstat(netstat) };
}

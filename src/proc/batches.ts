import { readdir } from 'node:fs/promises';

/** Maximum number of concurrent calls. Each takes memory, and libuv executes only four at once. */
const BATCH = 64;

/** Map items by an asynchronous function, a batch at a time. The results keep the items' order. */
export async function* inBatches<T, R>(
  items: readonly T[],
  map: (item: T) => Promise<R>,
): AsyncGenerator<R, void, void> {
  for (let at = 0; at < items.length; at += BATCH) {
    yield* await Promise.all(items.slice(at, at + BATCH).map(map));
  }
}

/** Return the ids of all processes in /proc, in rising order. */
export async function processes(proc = '/proc'): Promise<number[]> {
  return (await readdir(proc))
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
}

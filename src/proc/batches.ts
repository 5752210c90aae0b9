import { readdir } from 'node:fs/promises';

/** Calls under way at a time. Each takes memory, and libuv carries out four. */
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

/** The ids of all processes that /proc shows, in rising order. */
export async function processes(proc = '/proc'): Promise<number[]> {
  return (await readdir(proc))
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
}

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

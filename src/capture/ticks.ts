/**
 * Yield the items of a source, and null every `ms` milliseconds, even while the source is idle.
 * Request the next item only after the consumer took the last one.
 */
export async function* withTicks<T>(
  source: AsyncIterator<T>,
  ms: number,
): AsyncGenerator<T | null> {
  let due = performance.now() + ms;
  let next = source.next();
  for (;;) {
    let timer: NodeJS.Timeout | undefined;
    const tick = new Promise<null>((resolve) => {
      timer = setTimeout(resolve, due - performance.now(), null);
    });
    const got = await Promise.race([next, tick]);
    clearTimeout(timer);
    if (performance.now() >= due) {
      due = performance.now() + ms;
      yield null;
    }
    if (got?.done) {
      return;
    }
    if (got !== null) {
      yield got.value;
      next = source.next();
    }
  }
}

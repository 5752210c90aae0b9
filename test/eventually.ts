import { setTimeout as pause } from 'node:timers/promises';

/**
 * Call `predicate` every `every` ms until it returns something other than false, null or undefined,
 * and resolve to that. After `limit` ms, throw an error that names `what` we waited for.
 */
export async function eventually<T>(
  what: string,
  predicate: () => T | Promise<T>,
  { limit = 20_000, every = 20 } = {},
): Promise<NonNullable<T>> {
  const begun = performance.now();
  for (;;) {
    const value = await predicate();
    if (value !== false && value !== null && value !== undefined) {
      return value;
    }
    const waitedMs = performance.now() - begun;
    if (waitedMs >= limit) {
      throw new Error(`waited ${(waitedMs / 1000).toFixed(1)} s in vain for ${what}`);
    }
    await pause(every);
  }
}

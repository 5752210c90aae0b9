import { existsSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

/** An emulated guest beside another is slow, and its kernel may run checks at every step. */
const LIMIT = existsSync('/run/tcpsynq-lab/token') ? 300_000 : 60_000;

/**
 * Call `predicate` every `every` ms until it returns something other than false, null or undefined,
 * and resolve to that. After `limit` ms, throw an error that names `what` we waited for. If `what`
 * is a function, call it then to get the name.
 */
export async function eventually<T>(
  what: string | (() => string),
  predicate: () => T | Promise<T>,
  { limit = LIMIT, every = 20 } = {},
): Promise<Exclude<T, false | null | undefined>> {
  const begun = performance.now();
  for (;;) {
    const value = await predicate();
    if (value !== false && value !== null && value !== undefined) {
      return value as Exclude<T, false | null | undefined>;
    }
    const waitedMs = performance.now() - begun;
    if (waitedMs >= limit) {
      const name = typeof what === 'string' ? what : what();
      throw new Error(`waited ${(waitedMs / 1000).toFixed(1)} s in vain for ${name}`);
    }
    await pause(every);
  }
}

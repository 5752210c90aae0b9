import { setTimeout as sleep } from 'node:timers/promises';

/** The maximum delay of setTimeout(), in ms: a longer one fires at once. */
const LONGEST = 2 ** 31 - 1;

/** Wait, and return early without an error when the signal comes. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    let left = ms;
    do {
      await sleep(Math.min(left, LONGEST), undefined, { signal });
      left -= LONGEST;
    } while (left > 0);
  } catch (error) {
    if (!signal.aborted) {
      throw error;
    }
  }
}

/** Return an interval, in ms, at which readings of `cost` ms take at most a tenth of the time. */
export function stretched(interval: number, cost: number): number {
  return Math.max(interval, Math.ceil(cost * 10));
}

/** Format a duration in ms for people: 500 ms, 2.5 s. */
export function duration(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${Math.round(ms / 100) / 10} s`;
}

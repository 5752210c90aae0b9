import { setTimeout as sleep } from 'node:timers/promises';

/** The longest wait that setTimeout() takes, in ms: with a longer one it does not wait. */
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

/** The interval, in ms, at which a reading that costs `cost` ms takes no more than a tenth of the time. */
export function stretched(interval: number, cost: number): number {
  return Math.max(interval, Math.ceil(cost * 10));
}

/** A duration in ms as a person writes it: 500 ms, 2.5 s. */
export function duration(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${Math.round(ms / 100) / 10} s`;
}

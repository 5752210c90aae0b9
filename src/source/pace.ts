import { setTimeout as sleep } from 'node:timers/promises';

/** Waits, and returns early without an error when the signal comes. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
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

import type { Clock } from '../stream/clock.js';

/** A time of a capture as people read it: in UTC, or seconds where no header says what its 0 is. */
export function timeWords(clock: Clock, time: number): string {
  const words = clock.date(time)?.toISOString().replace('T', ' ').replace('Z', '');
  return words === undefined ? `${time.toFixed(3)} s` : `${words} UTC`;
}

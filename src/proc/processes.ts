import { readdir } from 'node:fs/promises';

/** The ids of all processes that /proc shows, in rising order. */
export async function processes(proc = '/proc'): Promise<number[]> {
  return (await readdir(proc))
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
}

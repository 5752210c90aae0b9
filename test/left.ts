import { readdirSync, readFileSync } from 'node:fs';
import { eventually } from './eventually.ts';

/** An environment variable of every process that tests start, and of its children. */
export const [MARK, OWN] = ['TCPSYNQ_STARTED_BY', String(process.pid)];

/** Return the ids of running processes of these tests, with their command lines. */
function running(): Map<number, string> {
  const found = new Map<number, string>();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const environment = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
      if (environment.includes(`${MARK}=${OWN}`)) {
        const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        found.set(Number(pid), words.join(' ').trim());
      }
    } catch {
      // The process has ended meanwhile, or belongs to another user.
    }
  }
  return found;
}

/** Kill every process that is still running after `limit` ms, and return their command lines. */
export async function killLeft(limit = 1000): Promise<string[]> {
  await eventually('all processes to end', () => running().size === 0, { limit }).catch(() => {});
  const left = running();
  for (const pid of left.keys()) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // The process has ended meanwhile.
    }
  }
  return [...left.values()];
}

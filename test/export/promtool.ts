import { spawnSync } from 'node:child_process';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

/** Return the folder where lab/deps keeps its downloads, as lab/common.sh defines it. */
function cache(): string {
  const { TCPSYNQ_CACHE, XDG_CACHE_HOME } = process.env;
  return TCPSYNQ_CACHE || join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'tcpsynq');
}

/** Run promtool from PATH, or else the one that `lab/deps fleet` has fetched. */
export function promtool(
  args: readonly string[],
  { input = '', cwd = '.' } = {},
): { readonly status: number | null; readonly output: string } {
  const PATH = [process.env.PATH, join(cache(), 'prometheus/usr/bin')].join(delimiter);
  const { status, stdout, stderr, error } = spawnSync('promtool', args, {
    input,
    cwd,
    encoding: 'utf8',
    env: { ...process.env, PATH },
  });
  if (error !== undefined) {
    throw new Error(`cannot run promtool (${error.message}): \`lab/deps fleet\` fetches it`);
  }
  return { status, output: stdout + stderr };
}

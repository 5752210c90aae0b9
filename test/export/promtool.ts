import { spawnSync } from 'node:child_process';

/** Runs promtool, of Debian's package prometheus, which lab/deps installs. */
export function promtool(
  args: readonly string[],
  { input = '', cwd = '.' } = {},
): { readonly status: number | null; readonly output: string } {
  const { status, stdout, stderr, error } = spawnSync('promtool', args, {
    input,
    cwd,
    encoding: 'utf8',
  });
  if (error !== undefined) {
    throw new Error('promtool is not there: `lab/deps fleet` installs it', { cause: error });
  }
  return { status, output: stdout + stderr };
}

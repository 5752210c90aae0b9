import type { Command } from 'commander';
import type { Host } from '../terminal/host.js';
import { running } from './common.options.js';
import type { CommonOptions } from './options.js';

export interface StatusOptions extends CommonOptions {
  /** Whether to compare the count with the kernel's own sockets. */
  readonly audit?: boolean;
}

/** Add `tcpsynq status`. */
export function addStatus(program: Command, host: Host): void {
  program
    .command('status')
    .description('show whether the count is exact, the hooks, parameters and readers')
    .option(
      '--audit',
      "compare the count with the kernel's own sockets; exit with 1 if they differ",
    )
    .action(running(async () => (await import('./status.js')).status, host));
}

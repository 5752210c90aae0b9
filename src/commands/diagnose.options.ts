import type { Command } from 'commander';
import { parseInterval } from '../arguments.js';
import type { Host } from '../terminal/host.js';
import { running } from './common.options.js';
import type { CommonOptions } from './options.js';

export interface DiagnoseOptions extends CommonOptions {
  /** Time to watch, in ms; undefined if not given. */
  readonly for?: number;
  /** Whether to act as a monitoring plugin. */
  readonly check?: boolean;
}

/** Add `tcpsynq diagnose`. */
export function addDiagnose(program: Command, host: Host): void {
  program
    .command('diagnose')
    .description('say what is wrong with which listener, why, and what to change')
    .option('--for <time>', 'watch for this time, such as 10s (default: 5s)', parseInterval)
    .option('--check', 'print one line and exit with 0, 1, 2 or 3, as monitoring plugins do')
    .action(running(async () => (await import('./diagnose.js')).diagnose, host));
}

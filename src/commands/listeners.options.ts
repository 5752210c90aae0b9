import type { Command } from 'commander';
import { parseInterval } from '../arguments.js';
import type { Host } from '../terminal/host.js';
import { running } from './common.options.js';
import type { CommonOptions } from './options.js';

export interface ListenersOptions extends CommonOptions {
  /** Whether to repeat until stopped. */
  readonly watch?: boolean;
  /** Interval between two readings, in ms; undefined if not given. */
  readonly interval?: number;
}

/** Add `tcpsynq listeners`. */
export function addListeners(program: Command, host: Host): void {
  program
    .command('listeners')
    .description('show the queues of every listener against their limits, the fullest first')
    .option(
      '--watch',
      'show them again and again: a screen on a terminal, else a table per interval',
    )
    .option(
      '--interval <time>',
      'with --watch: read at this interval, such as 500ms (default: 1s)',
      parseInterval,
    )
    .action(running(async () => (await import('./listeners.js')).listeners, host));
}

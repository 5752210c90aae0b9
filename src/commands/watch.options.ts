import type { Command } from 'commander';
import { parseInterval, parsePositive } from '../arguments.js';
import type { Host } from '../terminal/host.js';
import { follow, running } from './common.options.js';
import type { CommonOptions } from './options.js';

export interface WatchOptions extends CommonOptions {
  /** Interval between two counts, in ms; undefined if not given. */
  readonly interval?: number;
  /** Stop after this many counts. */
  readonly count?: number;
  readonly spark?: boolean;
}

/** Add `tcpsynq watch`. */
export function addWatch(program: Command, host: Host): void {
  program
    .command('watch')
    .description('show half-opens over time: a chart on a terminal, else a line per interval')
    .option(
      '--interval <time>',
      'count at this interval, such as 500ms (default: 1s)',
      parseInterval,
    )
    .option('-n, --count <number>', 'stop after this many counts', parsePositive)
    .option('--spark', 'print one line with a sparkline, for a status bar')
    .addOption(follow())
    .action(running(async () => (await import('./watch.js')).watch, host));
}

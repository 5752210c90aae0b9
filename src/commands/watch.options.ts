import { type Command, Option } from 'commander';
import { parseInterval, parsePositive } from '../arguments.js';
import type { Host } from '../terminal/host.js';
import { follow } from './common.options.js';
import type { CommonOptions } from './options.js';

export interface WatchOptions extends CommonOptions {
  /** Between two counts, in ms; undefined if not asked for. */
  readonly interval?: number;
  /** End after so many counts. */
  readonly count?: number;
  readonly spark?: boolean;
}

/** Add `tcpsynq watch`. */
export function addWatch(program: Command, host: Host): void {
  program
    .command('watch')
    .description(
      'half-open connections over time: a live chart on a terminal, a line per interval elsewhere',
    )
    .addOption(
      new Option(
        '--interval <time>',
        'time between two counts, such as 500ms or 1s (default: 1s)',
      ).argParser(parseInterval),
    )
    .option('-n, --count <number>', 'end after so many counts', parsePositive)
    .option('--spark', 'one line with a sparkline, for a status bar')
    .addOption(follow())
    .action(async (_options, command: Command) => {
      const { watch } = await import('./watch.js');
      await watch(host, command.optsWithGlobals<WatchOptions>());
    });
}

import type { Command } from 'commander';
import { type Cause, CLOSE_GROUPINGS } from '../aggregate/close.js';
import { parseCauses, parsePositive } from '../arguments.js';
import type { Host } from '../terminal/host.js';
import { running, withChoice, withCounting } from './common.options.js';
import type { CountedOptions } from './counted.js';

export interface ClosesOptions extends Omit<CountedOptions, 'alert'> {
  /** Only closes for these causes. */
  readonly cause?: readonly Cause[];
}

/** Add `tcpsynq closes`. */
export function addCloses(program: Command, host: Host): void {
  withCounting(
    withChoice(program.command('closes')),
    'count them by this, in a table; remote: by address, without its port',
    CLOSE_GROUPINGS,
  )
    .description('show every connection as it is closed, and why')
    .option(
      '--cause <list>',
      'only closes for these causes, such as reset_received,timeout',
      parseCauses,
    )
    .option('--stack', 'print the kernel stack of each, the innermost function first')
    .option('-n, --count <number>', 'stop after this many closes', parsePositive)
    .action(running(async () => (await import('./closes.js')).closes, host));
}

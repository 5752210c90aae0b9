import type { Command } from 'commander';
import { DROP_GROUPINGS } from '../aggregate/drop.js';
import { parsePositive } from '../arguments.js';
import type { Host } from '../terminal/host.js';
import { proto, running, withChoice, withCounting } from './common.options.js';
import type { CountedOptions } from './counted.js';

export interface DropsOptions extends CountedOptions {
  /** Whether to show the drops one by one. */
  readonly each?: boolean;
  readonly proto?: 'tcp' | 'any';
}

/** Add `tcpsynq drops`. */
export function addDrops(program: Command, host: Host): void {
  const { by } = DROP_GROUPINGS[0];
  withCounting(
    withChoice(program.command('drops')),
    `count them by this (default: ${by})`,
    DROP_GROUPINGS,
  )
    .description('count the packets that the kernel drops, by place and reason')
    .option('--each', 'print a line for every drop, instead of a table')
    .option('--stack', 'with --each: print the kernel stack of each, the innermost function first')
    .addOption(proto())
    .option(
      '--alert <number>',
      'say on stderr when the drops of an interval (1s unless given) reach this rate a second, and when they no longer do; exit with 1 if they did',
      parsePositive,
    )
    .option('-n, --count <number>', 'stop after this many drops', parsePositive)
    .action(running(async () => (await import('./drops.js')).drops, host));
}

import { type Command, Option } from 'commander';
import type { Host } from '../terminal/host.js';
import { running } from './common.options.js';
import type { CommonOptions } from './options.js';

export interface CountOptions extends CommonOptions {
  readonly by?: 'cpu' | 'state';
}

/** Add `tcpsynq count`. */
export function addCount(program: Command, host: Host): void {
  program
    .command('count')
    .description('show the figures once')
    .addOption(
      new Option('--by <what>', "show each CPU's share, or all TCP sockets by state").choices([
        'cpu',
        'state',
      ]),
    )
    .action(running(async () => (await import('./count.js')).count, host));
}

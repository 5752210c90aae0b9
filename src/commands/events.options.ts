import type { Command } from 'commander';
import { parseInterval, parseMark, parseOutcomes, parsePositive } from '../arguments.js';
import type { Outcome } from '../stream/counters.js';
import type { Host } from '../terminal/host.js';
import { follow, running, withChoice } from './common.options.js';
import type { RecordOptions } from './records.js';

export interface EventsOptions extends RecordOptions {
  /** Only half-opens removed with these outcomes. */
  readonly outcome?: readonly Outcome[];
  readonly top?: boolean;
  readonly handshake?: boolean;
  /** Interval between two pictures or printed tables, in ms. */
  readonly interval?: number;
}

/** Add `tcpsynq events`. */
export function addEvents(program: Command, host: Host): void {
  withChoice(program.command('events'))
    .description('show every half-open as it is added and removed, or rank their sources')
    .option('--fwmark <mark>', 'only connections with this mark (not from a capture)', parseMark)
    .option(
      '--outcome <list>',
      'only half-opens that ended so, such as expired,reset',
      parseOutcomes,
    )
    .option('-n, --count <number>', 'stop after this many events', parsePositive)
    .option('--top', 'rank the sources (by /24, IPv6 /64) and listeners, and count the outcomes')
    .option(
      '--handshake',
      'how long handshakes take, from SYN to final ACK, over all and by listener',
    )
    .option(
      '--interval <time>',
      'with --top, --handshake: print at this interval (default: 1s on a terminal, else once)',
      parseInterval,
    )
    .addOption(follow())
    .action(running(async () => (await import('./events.js')).events, host));
}

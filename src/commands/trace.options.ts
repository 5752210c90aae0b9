import type { Command } from 'commander';
import { parseInterval, parsePositive } from '../arguments.js';
import type { SrttUnit } from '../stream/srtt.js';
import type { Host } from '../terminal/host.js';
import { follow, running, srttUnit, withChoice, withSampling } from './common.options.js';
import type { Choice, CommonOptions } from './options.js';

export interface TraceOptions extends CommonOptions, Choice {
  /** In ms of stream time; undefined if not asked for. */
  readonly interval?: number;
  /** A line per sample. */
  readonly each?: boolean;
  /** End after so many samples. */
  readonly count?: number;
  /** Every segment, not only those at which cwnd changed. */
  readonly full?: boolean;
  /** Where segments are sampled: as they are received, as they are sent, both. */
  readonly hook?: 'rcv' | 'xmit' | 'both';
  /** How many connections are kept. */
  readonly connections: number;
  /** What the srtt of tcp_probe's lines is in. */
  readonly srttUnit?: SrttUnit;
}

/** Add `tcpsynq trace`. */
export function addTrace(program: Command, host: Host): void {
  withSampling(withChoice(program.command('trace')))
    .description('show cwnd and srtt of TCP connections as they are sampled')
    .option(
      '--interval <time>',
      'time between two lines of a connection, such as 500ms or 1s (default: 1s)',
      parseInterval,
    )
    .option('--each', 'a line for every sample')
    .option('-n, --count <number>', 'end after so many samples', parsePositive)
    .option(
      '--connections <number>',
      'keep so many connections, those seen last',
      parsePositive,
      100,
    )
    .addOption(srttUnit())
    .addOption(follow())
    .action(running(async () => (await import('./trace.js')).trace, host));
}

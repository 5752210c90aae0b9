import type { Command } from 'commander';
import { parseInterval, parsePositive } from '../arguments.js';
import type { SrttUnit } from '../stream/srtt.js';
import type { Host } from '../terminal/host.js';
import { follow, running, srttUnit, withChoice, withSampling } from './common.options.js';
import type { Choice, CommonOptions } from './options.js';

export interface TraceOptions extends CommonOptions, Choice {
  /** In ms of stream time; undefined if not given. */
  readonly interval?: number;
  /** Whether to print a line per sample. */
  readonly each?: boolean;
  /** Stop after this many samples. */
  readonly count?: number;
  /** Whether to sample every segment, not only those that changed cwnd. */
  readonly full?: boolean;
  /** Which segments to sample: received, sent, or both. */
  readonly hook?: 'rcv' | 'xmit' | 'both';
  /** Maximum number of connections kept. */
  readonly connections: number;
  /** The unit of srtt in tcp_probe's lines. */
  readonly srttUnit?: SrttUnit;
}

/** Add `tcpsynq trace`. */
export function addTrace(program: Command, host: Host): void {
  withSampling(withChoice(program.command('trace')))
    .description('show cwnd and srtt of TCP connections as they are sampled')
    .option(
      '--interval <time>',
      'print a connection at this interval, such as 500ms (default: 1s)',
      parseInterval,
    )
    .option('--each', 'print a line for every sample')
    .option('-n, --count <number>', 'stop after this many samples', parsePositive)
    .option(
      '--connections <number>',
      'follow this many connections, the latest',
      parsePositive,
      100,
    )
    .addOption(srttUnit())
    .addOption(follow())
    .action(running(async () => (await import('./trace.js')).trace, host));
}

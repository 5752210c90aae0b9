import type { Command } from 'commander';
import { parseCurves } from '../arguments.js';
import type { SrttUnit } from '../stream/srtt.js';
import type { Host } from '../terminal/host.js';
import { srttUnit } from './common.options.js';
import type { CommonOptions } from './options.js';

export interface ReportOptions extends CommonOptions {
  /** The file of the page; `-` for stdout. */
  readonly output?: string;
  /** Number of connections shown, the busiest first. */
  readonly connections: number;
  readonly title?: string;
  /** The unit of srtt in tcp_probe's lines. */
  readonly srttUnit?: SrttUnit;
  readonly force?: boolean;
}

/** Add `tcpsynq report`. */
export function addReport(program: Command, host: Host, version: string): void {
  program
    .command('report')
    .argument('[file]', 'a capture, or a log of tcp_probe (gzip too), or - for stdin')
    .description('make one HTML page of a capture: charts, tables, the verdict')
    .option(
      '-o, --output <file>',
      'write the page here (default: beside the capture); - for stdout',
    )
    .option('--connections <number>', 'show this many connections, the busiest', parseCurves, 6)
    .option('--title <text>', 'give the page this heading (default: the name of the capture)')
    .addOption(srttUnit())
    .option('--force', 'overwrite an existing file')
    .action(async (file: string | undefined, _options, command: Command) => {
      const { report } = await import('./report.js');
      await report(host, file, command.optsWithGlobals<ReportOptions>(), version);
    });
}

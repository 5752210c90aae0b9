import { type Command, Option } from 'commander';
import { parseConnection, parseCurves } from '../arguments.js';
import type { SrttUnit } from '../stream/srtt.js';
import type { Host } from '../terminal/host.js';
import { srttUnit, withChoice } from './common.options.js';
import type { Choice, CommonOptions } from './options.js';

export interface PlotOptions extends CommonOptions, Choice {
  /** Where the script, the data and the picture go: the start of their names. */
  readonly output?: string;
  readonly format?: 'png' | 'svg';
  /** How many connections are drawn, the busiest first. */
  readonly connections: number;
  /** What the srtt of tcp_probe's lines is in. */
  readonly srttUnit?: SrttUnit;
  readonly terminal?: boolean;
  readonly force?: boolean;
}

/** Add `tcpsynq plot`. */
export function addPlot(program: Command, host: Host): void {
  withChoice(
    program
      .command('plot')
      .argument('[file]', 'a capture, or a log of tcp_probe (gzip too), or - for stdin'),
  )
    .description('draw a capture with gnuplot: cwnd, ssthresh, srtt, half-opens')
    .option('--connection <ends>', 'draw the connection between these two ends', parseConnection)
    .option('--connections <number>', 'draw this many connections, the busiest', parseCurves, 6)
    .option('-o, --output <path>', 'begin the names of the files so: PATH.gp, PATH.png, PATH-1.dat')
    .addOption(
      new Option('--format <format>', 'write this kind of picture (default: png)').choices([
        'png',
        'svg',
      ]),
    )
    .addOption(srttUnit())
    .option('--follow', 'draw again as the file grows')
    .option('--terminal', 'draw in characters, on this terminal')
    .option('--force', 'overwrite files that no plot made')
    .action(async (file: string | undefined, _options, command: Command) => {
      const { plot } = await import('./plot.js');
      await plot(host, file, command.optsWithGlobals<PlotOptions>());
    });
}

import { type Command, Option } from 'commander';
import { parseConnection, parseCurves } from '../arguments.js';
import type { SrttUnit } from '../stream/srtt.js';
import type { Host } from '../terminal/host.js';
import { srttUnit, withChoice } from './common.options.js';
import type { Choice, CommonOptions } from './options.js';

export interface PlotOptions extends CommonOptions, Choice {
  /** The beginning of the names of the script, the data and the picture. */
  readonly output?: string;
  readonly format?: 'png' | 'svg';
  /** Number of connections drawn, the busiest first. */
  readonly connections: number;
  /** The unit of srtt in tcp_probe's lines. */
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

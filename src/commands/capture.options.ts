import { type Command, Option } from 'commander';
import {
  parseInterval,
  parseMark,
  parsePositive,
  parseRotation,
  parseSpan,
  parseWord,
} from '../arguments.js';
import type { FormatName, Packing, Rotation } from '../capture/names.js';
import { FORMATS, PACKINGS } from '../capture/names.js';
import { LETTERS } from '../stream/schema.js';
import type { Host } from '../terminal/host.js';
import { proto, withChoice, withSampling } from './common.options.js';
import type { CommonOptions } from './options.js';

/** Keys of the module's filter. */
export interface FilterOptions {
  readonly kinds?: string;
  readonly port?: number;
  readonly addr?: string;
  readonly fwmark?: number;
  readonly full?: boolean;
  readonly hook?: string;
  readonly proto?: string;
  readonly stack?: boolean;
  /** Interval between two counts, in ms. */
  readonly interval?: number;
}

export interface CaptureOptions extends CommonOptions, FilterOptions {
  readonly format: FormatName;
  readonly rotate?: Rotation;
  readonly keep?: number;
  readonly compress?: Packing;
  /** In ms. */
  readonly duration?: number;
  readonly count?: number;
  readonly fsync?: boolean;
  readonly force?: boolean;
  readonly append?: boolean;
}

/** Add `tcpsynq capture`. */
export function addCapture(program: Command, host: Host): void {
  withSampling(withChoice(program.command('capture')))
    .description('write the stream to a file; with a COMMAND: while that runs')
    .usage('[options] <file> [-- command...]')
    .argument('<file>', 'where to write; - for stdout')
    .argument('[command...]', 'a command to run meanwhile; tcpsynq exits with its status')
    .option(
      '--kinds <list>',
      `what to record, of ${Object.keys(LETTERS)} (default: the module's own)`,
      parseWord,
    )
    .option('--fwmark <mark>', 'only connections with this mark', parseMark)
    .addOption(proto())
    .option('--stack', 'record the kernel stack of each drop and close')
    .option('--interval <time>', 'count at this interval, such as 500ms', parseInterval)
    .addOption(
      new Option(
        '--format <name>',
        'raw: as the module writes it; tcpprobe: samples as Linux 4.15 had them',
      )
        .choices([...FORMATS])
        .default('raw'),
    )
    .option(
      '--rotate <size|time>',
      'begin a new file after this size (100M) or time (1h): FILE.000001, FILE.000002 ...',
      parseRotation,
    )
    .option('--keep <number>', 'with --rotate: keep this many files, the newest', parsePositive)
    .addOption(
      new Option('--compress [how]', 'compress with gzip, or as named: --compress=zstd').choices([
        ...PACKINGS,
      ]),
    )
    .option('--duration <time>', 'stop after this time: 30s, 5m, 1h', parseSpan)
    .option('-n, --count <number>', 'stop after this many records', parsePositive)
    .option('--fsync', 'flush to the disk every second and at the end')
    .addOption(new Option('--force', 'overwrite an existing file').conflicts('append'))
    .option('--append', 'append to an existing capture')
    .action(async (file: string, words: string[], _options, command: Command) => {
      const { capture } = await import('./capture.js');
      // Commander's types lack `rawArgs`, the words of the command line.
      const { rawArgs } = program as Command & { readonly rawArgs: readonly string[] };
      const marked = words.length === 0 || rawArgs.includes('--');
      if (!marked) {
        program.error(`tcpsynq: unexpected "${words[0]}": a command to run comes after --`);
      }
      await capture(host, file, words, command.optsWithGlobals<CaptureOptions>());
    });
}

import { type Command, Option } from 'commander';
import type { Grouping } from '../aggregate/groups.js';
import {
  parseAddr,
  parseInterval,
  parseMark,
  parsePort,
  parseSpan,
  parseUnit,
} from '../arguments.js';
import { FILTER_WORDS } from '../stream/schema.js';
import type { Host } from '../terminal/host.js';
import type { CommonOptions } from './options.js';

/** Return the action of a command: it loads the code, and calls it with the options. */
export function running<Options extends CommonOptions, Rest extends readonly string[]>(
  load: () => Promise<(host: Host, options: Options, ...rest: Rest) => Promise<void>>,
  host: Host,
  ...rest: Rest
) {
  return async (_options: unknown, command: Command): Promise<void> =>
    (await load())(host, command.optsWithGlobals<Options>(), ...rest);
}

/** Add the options that select connections. */
export function withChoice(command: Command): Command {
  return command
    .option('--port <number>', 'only connections with this port at either end', parsePort)
    .option('--addr <network>', 'only connections with an end in this network', parseAddr);
}

/** Add the options for records that can be counted in a table, by any of `groupings`. */
export function withCounting(
  command: Command,
  by: string,
  groupings: readonly Pick<Grouping<unknown>, 'by'>[],
): Command {
  return command
    .option('--fwmark <mark>', 'only connections with this mark (not from a capture)', parseMark)
    .addOption(new Option('--by <what>', by).choices(groupings.map((one) => one.by)))
    .option(
      '--interval <time>',
      'print the table at this interval (default: 1s on a terminal and with --json, else once)',
      parseInterval,
    )
    .option('--for <time>', 'stop after this time: 30s, 5m, 1h', parseSpan)
    .addOption(follow());
}

/** Add the options for sampling. */
export function withSampling(command: Command): Command {
  return command
    .option('--full', 'sample every segment, not only when cwnd has changed')
    .addOption(
      new Option('--hook <where>', 'sample segments received, sent, or both').choices(
        FILTER_WORDS.hook,
      ),
    );
}

export function srttUnit(): Option {
  return new Option(
    '--srtt-unit <unit>',
    "unit of srtt in tcp_probe's lines: us, ms, jiffies (before Linux 3.15), jiffies:HZ",
  ).argParser(parseUnit);
}

export function proto(): Option {
  return new Option(
    '--proto <which>',
    'dropped packets of TCP only (tcp), or of any protocol',
  ).choices(FILTER_WORDS.proto);
}

export function follow(): Option {
  return new Option('--follow', 'with -i FILE: read on as the file grows');
}

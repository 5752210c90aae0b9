import { Command, InvalidArgumentError, Option } from 'commander';
import type { CountOptions } from './commands/count.js';
import type { CommonOptions } from './commands/options.js';
import type { StatusOptions } from './commands/status.js';
import type { WatchOptions } from './commands/watch.js';
import type { Host } from './host.js';

const SHORTEST = 10;
const LONGEST = 3_600_000;
const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000 };

/** A duration such as 500ms, 1s, 2m, in ms. */
export function parseInterval(text: string): number {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)(ms|s|m)$/.exec(text) ?? [];
  const value = Math.round(Number(digits) * (UNITS[unit ?? ''] ?? Number.NaN));
  if (!(value >= SHORTEST && value <= LONGEST)) {
    throw new InvalidArgumentError('It takes a duration from 10ms to 60m, such as 500ms or 1s.');
  }
  return value;
}

export function parsePositive(text: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : 0;
  if (value < 1 || !Number.isSafeInteger(value)) {
    throw new InvalidArgumentError('It takes a whole number from 1 on.');
  }
  return value;
}

/** A factor such as 1, 0.5 or 10x. */
export function parseFactor(text: string): number {
  const value = Number(/^(\d+(?:\.\d+)?)x?$/.exec(text)?.[1] ?? Number.NaN);
  if (!(value >= 0.001 && value <= 1e6)) {
    throw new InvalidArgumentError('It takes a factor from 0.001 to 1000000, such as 1 or 10.');
  }
  return value;
}

/**
 * The commands and their options. Each command's code is loaded when it runs. Wrong usage rejects
 * parseAsync with a CommanderError after its message was written to the host's stderr.
 */
export function makeProgram(host: Host, version: string): Command {
  const program = new Command('tcpsynq')
    .description(
      "What this host's TCP SYN queue is doing: half-open connections, how they end, how full the queues are.",
    )
    .version(version)
    .addOption(
      new Option(
        '-i, --input <source>',
        'auto, module, proc, a capture file (gzip too), or - for stdin',
      ).default('auto'),
    )
    .option(
      '--netns <pid|name>',
      'read the network namespace of a process, or one that `ip netns` names',
    )
    .option('--json', 'one JSON object a line')
    .addOption(
      new Option(
        '--speed <factor>',
        'with -i FILE: replay at so many times the pace it was recorded at',
      ).argParser(parseFactor),
    )
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError('(add --help for the options)')
    .configureOutput({
      writeOut: (text) => void host.out.write(text),
      writeErr: (text) => void host.err.write(text),
      outputError: (text, write) => write(text.replace(/^error: /, 'tcpsynq: ')),
      getOutHelpWidth: () => (host.out.tty ? host.out.columns : 80),
      getErrHelpWidth: () => (host.err.tty ? host.err.columns : 80),
      getOutHasColors: () => host.out.colour,
      getErrHasColors: () => host.err.colour,
    })
    .exitOverride();

  program
    .command('watch')
    .description(
      'half-open connections over time: a live chart on a terminal, a line per interval elsewhere',
    )
    .addOption(
      new Option(
        '--interval <time>',
        'time between two counts, such as 500ms or 1s (default: 1s)',
      ).argParser(parseInterval),
    )
    .option('-n, --samples <number>', 'end after so many counts', parsePositive)
    .option('--spark', 'one line with a sparkline, for a status bar')
    .option('--follow', 'with -i FILE: go on as the file grows')
    .action(async (_options, command: Command) => {
      const { watch } = await import('./commands/watch.js');
      await watch(host, command.optsWithGlobals<WatchOptions>());
    });

  program
    .command('count')
    .description('the figures, once')
    .addOption(
      new Option('--by <what>', "each CPU's own share, or all TCP sockets by state").choices([
        'cpu',
        'state',
      ]),
    )
    .action(async (_options, command: Command) => {
      const { count } = await import('./commands/count.js');
      await count(host, command.optsWithGlobals<CountOptions>());
    });

  program
    .command('listeners')
    .description(
      'SYN queue and accept queue of every listener against its limit, the fullest first',
    )
    .action(async (_options, command: Command) => {
      const { listeners } = await import('./commands/listeners.js');
      await listeners(host, command.optsWithGlobals<CommonOptions>());
    });

  program
    .command('status')
    .description('the module: is its count exact, its hooks, parameters and readers')
    .option('--audit', "hold the count against the kernel's own sockets; exit 1 if they differ")
    .action(async (_options, command: Command) => {
      const { status } = await import('./commands/status.js');
      await status(host, command.optsWithGlobals<StatusOptions>());
    });

  return program;
}

import { Command, InvalidArgumentError, Option } from 'commander';
import { FORMATS, PACKINGS, type Rotation } from './capture/names.js';
import type { CaptureOptions } from './commands/capture.js';
import type { CountOptions } from './commands/count.js';
import type { DiagnoseOptions } from './commands/diagnose.js';
import type { EventsOptions } from './commands/events.js';
import type { ListenersOptions } from './commands/listeners.js';
import type { PlotOptions } from './commands/plot.js';
import type { StatusOptions } from './commands/status.js';
import type { TraceOptions } from './commands/trace.js';
import type { WatchOptions } from './commands/watch.js';
import type { Host } from './host.js';
import { parseEnd, parseNetwork } from './record/ends.js';
import { OUTCOMES, type Outcome } from './record/figures.js';
import { parseSrttUnit, type SrttUnit } from './record/srtt.js';

const SHORTEST = 10;
const LONGEST = 3_600_000;
const SMALLEST_PART = 4096;
const SIZES: Readonly<Record<string, number>> = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };
const SPANS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
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

/** A span of time such as 10s, 5m, 1h, 7d, in ms. */
export function parseSpan(text: string): number {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)(s|m|h|d)$/.exec(text) ?? [];
  const value = Math.round(Number(digits) * (SPANS[unit ?? ''] ?? Number.NaN));
  // What setTimeout can wait.
  if (!(value >= 100 && value < 2 ** 31)) {
    throw new InvalidArgumentError('It takes a time from 0.1s to 24d, such as 30s, 5m or 1h.');
  }
  return value;
}

/** When to begin a new part: a size such as 100M (of 1024 KiB), or a span of time. */
export function parseRotation(text: string): Rotation {
  const [, digits, unit] = /^(\d+)(K|M|G)$/.exec(text) ?? [];
  if (digits === undefined) {
    try {
      return { by: 'time', ms: parseSpan(text) };
    } catch {
      throw new InvalidArgumentError(
        'It takes a size such as 500K, 100M or 2G, or a time such as 30s, 10m, 1h or 1d (M is MiB, m minutes).',
      );
    }
  }
  const bytes = Number(digits) * (SIZES[unit ?? ''] ?? Number.NaN);
  if (!(bytes >= SMALLEST_PART && Number.isSafeInteger(bytes))) {
    throw new InvalidArgumentError('A part has at least 4K.');
  }
  return { by: 'size', bytes };
}

function parseWithin(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= least && value <= most)) {
      throw new InvalidArgumentError(`It takes a whole number from ${least} to ${most}.`);
    }
    return value;
  };
}

/** One word or more of a filter, as the module will judge it: no space may end it. */
function parseWord(text: string): string {
  if (!/^[\w.,:/-]+$/.test(text)) {
    throw new InvalidArgumentError('It takes letters, digits and .,:/- only.');
  }
  return text;
}

/**
 * Command lines as commander reads them: an option whose value may be left out takes the next word
 * for it, and `capture --compress FILE` would have no file.
 */
export function spelledOut(argv: readonly string[]): string[] {
  const end = argv.indexOf('--');
  return argv.map((word, i) =>
    word === '--compress' && (end < 0 || i < end) ? '--compress=gzip' : word,
  );
}

/** A factor such as 1, 0.5 or 10x. */
export function parseFactor(text: string): number {
  const value = Number(/^(\d+(?:\.\d+)?)x?$/.exec(text)?.[1] ?? Number.NaN);
  if (!(value >= 0.001 && value <= 1e6)) {
    throw new InvalidArgumentError('It takes a factor from 0.001 to 1000000, such as 1 or 10.');
  }
  return value;
}

function wholeUpTo(text: string, most: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > most) {
    throw new InvalidArgumentError(`It takes a whole number from 1 to ${most}.`);
  }
  return value;
}

export function parsePort(text: string): number {
  return wholeUpTo(text, 65_535);
}

export function parseMark(text: string): number {
  return wholeUpTo(text, 2 ** 32 - 1);
}

/** A network as the module's filter takes it too; checked here, read where it is used. */
export function parseAddr(text: string): string {
  if (parseNetwork(text) === null) {
    throw new InvalidArgumentError(
      'It takes an IPv4 or IPv6 network such as 198.51.100.0/24, 2001:db8::/64, or one address.',
    );
  }
  return text;
}

/** Outcomes with commas between. */
export function parseOutcomes(text: string): readonly Outcome[] {
  return text.split(',').map((word) => {
    const outcome = OUTCOMES.find((one) => one === word);
    if (outcome === undefined) {
      throw new InvalidArgumentError(`It takes some of ${OUTCOMES.join(',')}.`);
    }
    return outcome;
  });
}

/** Two ends, with anything between them that is no part of one; added to those given before. */
export function parseConnection(
  text: string,
  before: readonly (readonly [string, string])[] = [],
): readonly (readonly [string, string])[] {
  const [one, other, ...more] = text.match(/[\da-f.:[\]]+/gi) ?? [];
  if (
    one === undefined ||
    other === undefined ||
    more.length > 0 ||
    parseEnd(one) === null ||
    parseEnd(other) === null
  ) {
    throw new InvalidArgumentError(
      'It takes both ends, such as "10.0.0.1:5001 10.0.0.2:41234" or "[fd00::1]:443 [fd00::2]:1024".',
    );
  }
  return [...before, [one, other]];
}

function parseUnit(text: string): SrttUnit {
  const unit = parseSrttUnit(text);
  if (unit === null) {
    throw new InvalidArgumentError('It takes us, ms, jiffies, or jiffies:HZ such as jiffies:250.');
  }
  return unit;
}

/** More lines in a picture than this cannot be told apart by their colours. */
const MOST_CURVES = 16;

function parseCurves(text: string): number {
  const number = parsePositive(text);
  if (number > MOST_CURVES) {
    throw new InvalidArgumentError(`It takes a whole number from 1 to ${MOST_CURVES}.`);
  }
  return number;
}

/** Adds the options that choose connections. */
function withChoice(command: Command): Command {
  return command
    .option('--port <number>', 'connections with this port at either end', parsePort)
    .option('--addr <network>', 'connections with either end in this network', parseAddr);
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

  withChoice(
    program
      .command('plot')
      .argument('[file]', 'a capture, or a log of tcp_probe (gzip too), or - for stdin'),
  )
    .description(
      'a capture as a picture: cwnd, ssthresh, srtt, half-opens; with the gnuplot script and data it was made of',
    )
    .option('--connection <ends>', 'the connection between these two ends', parseConnection)
    .addOption(
      new Option('--connections <number>', 'draw so many connections, the busiest')
        .argParser(parseCurves)
        .default(6),
    )
    .option('-o, --output <name>', 'what the files are called, before .gp, .png, -1.dat')
    .addOption(
      new Option('--format <format>', 'of the picture (default: png)').choices(['png', 'svg']),
    )
    .addOption(
      new Option(
        '--srtt-unit <unit>',
        "unit of srtt in tcp_probe's lines: us, ms, jiffies (before Linux 3.15), jiffies:HZ",
      ).argParser(parseUnit),
    )
    .option('--follow', 'draw again as the file grows')
    .option('--terminal', 'draw in characters, here')
    .option('--force', 'write over files that are not an earlier plot')
    .action(async (file: string | undefined, _options, command: Command) => {
      const { plot } = await import('./commands/plot.js');
      await plot(host, file, command.optsWithGlobals<PlotOptions>());
    });

  withChoice(program.command('trace'))
    .description(
      'cwnd and srtt of TCP connections as they are sampled: charts on a terminal, lines elsewhere',
    )
    .addOption(
      new Option('--interval <time>', 'between two lines of a connection')
        .argParser(parseInterval)
        .default(1000, '1s'),
    )
    .option('--each', 'a line for every sample')
    .option('-n, --samples <number>', 'end after so many samples', parsePositive)
    .option('--full', 'sample every segment, not only when cwnd has changed')
    .addOption(
      new Option('--hook <where>', 'sample segments as they come, as they go, or both').choices([
        'rcv',
        'xmit',
        'both',
      ]),
    )
    .addOption(
      new Option('--connections <number>', 'keep so many connections, those seen last')
        .argParser(parsePositive)
        .default(100),
    )
    .addOption(
      new Option(
        '--srtt-unit <unit>',
        "unit of srtt in tcp_probe's lines: us, ms, jiffies (before Linux 3.15), jiffies:HZ",
      ).argParser(parseUnit),
    )
    .option('--follow', 'with -i FILE: go on as the file grows')
    .action(async (_options, command: Command) => {
      const { trace } = await import('./commands/trace.js');
      await trace(host, command.optsWithGlobals<TraceOptions>());
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
    .option('--watch', 'again and again: a screen on a terminal, elsewhere a table an interval')
    .addOption(
      new Option(
        '--interval <time>',
        'with --watch: time between two readings, such as 500ms or 1s (default: 1s)',
      ).argParser(parseInterval),
    )
    .action(async (_options, command: Command) => {
      const { listeners } = await import('./commands/listeners.js');
      await listeners(host, command.optsWithGlobals<ListenersOptions>());
    });

  program
    .command('diagnose')
    .description('idle, busy, surge, flood or stuck: which listener, why, and what to change')
    .addOption(
      new Option('--for <time>', 'watch for so long, such as 10s (default: 5s)').argParser(
        parseInterval,
      ),
    )
    .option('--check', 'one line and exit status 0, 1, 2 or 3, as monitoring plugins do')
    .action(async (_options, command: Command) => {
      const { diagnose } = await import('./commands/diagnose.js');
      await diagnose(host, command.optsWithGlobals<DiagnoseOptions>());
    });

  program
    .command('events')
    .description('every half-open connection as it is added and removed, or what they add up to')
    .addOption(new Option('--port <port>', 'with this port at either end').argParser(parsePort))
    .addOption(
      new Option('--addr <network>', 'with either end in this network').argParser(parseAddr),
    )
    .addOption(
      new Option('--fwmark <mark>', 'with this mark (not from a capture)').argParser(parseMark),
    )
    .addOption(
      new Option('--outcome <list>', 'only those that ended so, such as expired,reset').argParser(
        parseOutcomes,
      ),
    )
    .option('-n, --count <number>', 'end after so many events', parsePositive)
    .option('--top', 'the busiest sources (by /24, IPv6 /64) and listeners, and the outcomes')
    .option(
      '--handshake',
      'how long handshakes take, from SYN to final ACK, over all and by listener',
    )
    .addOption(
      new Option(
        '--interval <time>',
        'with --top, --handshake: draw or print so often (default: 1s on a terminal, else once)',
      ).argParser(parseInterval),
    )
    .option('--follow', 'with -i FILE: go on as the file grows')
    .action(async (_options, command: Command) => {
      const { events } = await import('./commands/events.js');
      await events(host, command.optsWithGlobals<EventsOptions>());
    });

  program
    .command('capture')
    .description(
      'the stream to a file, byte for byte or in another format; with a COMMAND: while that runs',
    )
    .usage('[options] <file> [-- command...]')
    .argument('<file>', 'where to; - for stdout')
    .argument('[command...]', 'a command to run meanwhile; its exit status is then ours')
    .addOption(
      new Option(
        '--kinds <list>',
        "what to record: count, event, sample … (default: the module's own)",
      ).argParser(parseWord),
    )
    .addOption(
      new Option('--port <number>', 'only connections with this port').argParser(
        parseWithin(1, 65_535),
      ),
    )
    .addOption(
      new Option('--addr <network>', 'only connections with an end in ADDRESS[/LENGTH]').argParser(
        parseWord,
      ),
    )
    .addOption(
      new Option('--fwmark <number>', 'only connections with this mark').argParser(
        parseWithin(1, 2 ** 32 - 1),
      ),
    )
    .option('--full', 'samples: of every segment, not only when cwnd changes')
    .addOption(
      new Option('--hook <where>', 'samples: taken when receiving, sending, or both').choices([
        'rcv',
        'xmit',
        'both',
      ]),
    )
    .addOption(
      new Option('--interval <time>', 'between two counts, such as 500ms or 1s').argParser(
        parseInterval,
      ),
    )
    .addOption(
      new Option(
        '--format <name>',
        'raw: as the module writes it; tcpprobe: samples as Linux 4.15 had them',
      )
        .choices([...FORMATS])
        .default('raw'),
    )
    .addOption(
      new Option(
        '--rotate <size|time>',
        'begin a new part after so many bytes (100M) or so long (1h): FILE.000001, FILE.000002 …',
      ).argParser(parseRotation),
    )
    .option('--keep <number>', 'delete the oldest parts beyond so many', parsePositive)
    .addOption(
      new Option('--compress [how]', 'pack it; as it is written: --compress=zstd').choices([
        ...PACKINGS,
      ]),
    )
    .addOption(
      new Option('--duration <time>', 'end after so long: 30s, 5m, 1h').argParser(parseSpan),
    )
    .option('-n, --count <number>', 'end after so many records', parsePositive)
    .option('--fsync', 'have the disk hold it, every second and at the end')
    .addOption(new Option('--force', 'overwrite what is there').conflicts('append'))
    .option('--append', 'go on with what is there')
    .action(async (file: string, words: string[], _options, command: Command) => {
      const { capture } = await import('./commands/capture.js');
      const marked = words.length === 0 || spelled(program).includes('--');
      if (!marked) {
        program.error(`tcpsynq: unexpected "${words[0]}": a command to run comes after --`);
      }
      await capture(host, file, words, command.optsWithGlobals<CaptureOptions>());
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

/** The words it was given, which commander's types leave out. */
function spelled(program: Command): readonly string[] {
  return (program as Command & { readonly rawArgs: readonly string[] }).rawArgs;
}

import { Argument, Command, Option } from 'commander';
import {
  parseAddr,
  parseCauses,
  parseConnection,
  parseCurves,
  parseFactor,
  parseInterval,
  parseMark,
  parseMost,
  parseOutcomes,
  parsePlace,
  parsePort,
  parsePositive,
  parseRotation,
  parseSpan,
  parseUnit,
  parseWord,
} from './arguments.js';
import { FORMATS, PACKINGS } from './capture/names.js';
import type { CaptureOptions } from './commands/capture.js';
import type { ClosesOptions } from './commands/closes.js';
import type { CompletionOptions } from './commands/completion.js';
import type { CountOptions } from './commands/count.js';
import type { DiagnoseOptions } from './commands/diagnose.js';
import type { DropsOptions } from './commands/drops.js';
import type { EventsOptions } from './commands/events.js';
import type { ExportOptions } from './commands/export.js';
import type { ListenersOptions } from './commands/listeners.js';
import type { ModuleOptions } from './commands/module.js';
import type { PlotOptions } from './commands/plot.js';
import type { ReportOptions } from './commands/report.js';
import type { StatusOptions } from './commands/status.js';
import type { TraceOptions } from './commands/trace.js';
import type { WatchOptions } from './commands/watch.js';
import { SHELLS, type Shell } from './completion/shells.js';
import { type Host, writeAside } from './terminal/host.js';
import { printable } from './terminal/printable.js';

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

/** Adds the options that choose connections. */
function withChoice(command: Command): Command {
  return command
    .option('--port <number>', 'connections with this port at either end', parsePort)
    .option('--addr <network>', 'connections with either end in this network', parseAddr);
}

/** Adds the options of records that may be counted, in a table by any of `groupings`. */
function withCounting(command: Command, by: string, groupings: readonly string[]): Command {
  return command
    .option('--fwmark <mark>', 'connections with this mark (not from a capture)', parseMark)
    .addOption(new Option('--by <what>', by).choices(groupings))
    .addOption(
      new Option(
        '--interval <time>',
        'draw or print the table so often (default: 1s on a terminal and with --json, else once)',
      ).argParser(parseInterval),
    )
    .addOption(new Option('--for <time>', 'end after so long: 30s, 5m, 1h').argParser(parseSpan))
    .addOption(follow());
}

/** Adds the options that say what is sampled. */
function withSampling(command: Command): Command {
  return command
    .option('--full', 'sample every segment, not only when cwnd has changed')
    .addOption(
      new Option('--hook <where>', 'sample segments received, sent, or both').choices([
        'rcv',
        'xmit',
        'both',
      ]),
    );
}

function srttUnit(): Option {
  return new Option(
    '--srtt-unit <unit>',
    "unit of srtt in tcp_probe's lines: us, ms, jiffies (before Linux 3.15), jiffies:HZ",
  ).argParser(parseUnit);
}

function proto(): Option {
  return new Option(
    '--proto <which>',
    'dropped packets of TCP only (tcp), or of any protocol',
  ).choices(['tcp', 'any']);
}

function follow(): Option {
  return new Option('--follow', 'with -i FILE: go on as the file grows');
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
      writeErr: (text) => void writeAside(host, text),
      outputError: (text, write) => write(errorLines(text)),
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
    .option('-n, --count <number>', 'end after so many counts', parsePositive)
    .option('--spark', 'one line with a sparkline, for a status bar')
    .addOption(follow())
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
    .option('-o, --output <path>', 'what the files are called, before .gp, .png, -1.dat')
    .addOption(
      new Option('--format <format>', 'of the picture (default: png)').choices(['png', 'svg']),
    )
    .addOption(srttUnit())
    .option('--follow', 'draw again as the file grows')
    .option('--terminal', 'draw in characters, here')
    .option('--force', 'write over files that are not an earlier plot')
    .action(async (file: string | undefined, _options, command: Command) => {
      const { plot } = await import('./commands/plot.js');
      await plot(host, file, command.optsWithGlobals<PlotOptions>());
    });

  program
    .command('report')
    .argument('[file]', 'a capture, or a log of tcp_probe (gzip too), or - for stdin')
    .description(
      'a capture as one page of HTML that needs nothing else: charts, tables, the verdict of diagnose',
    )
    .option(
      '-o, --output <file>',
      'where the page goes (default: beside the capture); - for stdout',
    )
    .addOption(
      new Option('--connections <number>', 'show so many connections, the busiest')
        .argParser(parseCurves)
        .default(6),
    )
    .option('--title <text>', 'its heading (default: the name of the capture)')
    .addOption(srttUnit())
    .option('--force', 'write over a file that is there')
    .action(async (file: string | undefined, _options, command: Command) => {
      const { report } = await import('./commands/report.js');
      await report(host, file, command.optsWithGlobals<ReportOptions>(), version);
    });

  withSampling(withChoice(program.command('trace')))
    .description(
      'cwnd and srtt of TCP connections as they are sampled: charts on a terminal, lines elsewhere',
    )
    .addOption(
      new Option(
        '--interval <time>',
        'time between two lines of a connection, such as 500ms or 1s (default: 1s)',
      ).argParser(parseInterval),
    )
    .option('--each', 'a line for every sample')
    .option('-n, --count <number>', 'end after so many samples', parsePositive)
    .addOption(
      new Option('--connections <number>', 'keep so many connections, those seen last')
        .argParser(parsePositive)
        .default(100),
    )
    .addOption(srttUnit())
    .addOption(follow())
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

  withChoice(program.command('events'))
    .description('every half-open connection as it is added and removed, or what they add up to')
    .option('--fwmark <mark>', 'connections with this mark (not from a capture)', parseMark)
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
    .addOption(follow())
    .action(async (_options, command: Command) => {
      const { events } = await import('./commands/events.js');
      await events(host, command.optsWithGlobals<EventsOptions>());
    });

  withCounting(withChoice(program.command('drops')), 'count them by this (default: location)', [
    'location',
    'reason',
    'connection',
    'state',
  ])
    .description(
      'packets that the kernel drops, counted by where and why; SYNs refused for a full queue are not among them, and told beside',
    )
    .option('--each', 'a line for every drop, instead of a table')
    .option('--stack', 'with --each: the kernel stack below each, the innermost function first')
    .addOption(proto())
    .addOption(
      new Option(
        '--alert <number>',
        'say on stderr when so many drops a second are reached (over an interval, 1s unless given), and when no longer; exit status 1 if they ever were',
      ).argParser(parsePositive),
    )
    .option('-n, --count <number>', 'end after so many drops', parsePositive)
    .action(async (_options, command: Command) => {
      const { drops } = await import('./commands/drops.js');
      await drops(host, command.optsWithGlobals<DropsOptions>());
    });

  withCounting(
    withChoice(program.command('closes')),
    'count them by this, in a table; remote: by address, without its port',
    ['cause', 'state', 'remote', 'local'],
  )
    .description('every connection as it is closed: both ends, the state it left, and why')
    .addOption(
      new Option(
        '--cause <list>',
        'only those closed so, such as reset_received,timeout',
      ).argParser(parseCauses),
    )
    .option('--stack', 'the kernel stack below each, the innermost function first')
    .option('-n, --count <number>', 'end after so many closes', parsePositive)
    .action(async (_options, command: Command) => {
      const { closes } = await import('./commands/closes.js');
      await closes(host, command.optsWithGlobals<ClosesOptions>());
    });

  withSampling(withChoice(program.command('capture')))
    .description(
      'the stream to a file, byte for byte or in another format; with a COMMAND: while that runs',
    )
    .usage('[options] <file> [-- command...]')
    .argument('<file>', 'where to; - for stdout')
    .argument('[command...]', 'a command to run meanwhile; its exit status is then ours')
    .addOption(
      new Option(
        '--kinds <list>',
        "what to record, of count,event,sample,drop,close (default: the module's own)",
      ).argParser(parseWord),
    )
    .option('--fwmark <mark>', 'connections with this mark', parseMark)
    .addOption(proto())
    .option('--stack', 'record the kernel stack of each drop and close')
    .addOption(
      new Option('--interval <time>', 'time between two counts, such as 500ms or 1s').argParser(
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
        'begin a new part after so many bytes (100M) or so long (1h): FILE.000001, FILE.000002 ...',
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
    .command('export')
    .description('Prometheus metrics, over HTTP or as a file for node_exporter')
    .addOption(
      new Option('--listen <host:port>', 'answer there (default: 127.0.0.1:19106)').argParser(
        parsePlace,
      ),
    )
    .addOption(
      new Option('--unix <path>', 'answer on a socket of that name instead').conflicts('listen'),
    )
    .addOption(
      new Option('--textfile <file>', 'write the metrics to FILE.prom instead, once').conflicts([
        'listen',
        'unix',
      ]),
    )
    .addOption(
      new Option(
        '--interval <time>',
        'with --textfile: write it so often, such as 15s, until told to stop',
      ).argParser(parseInterval),
    )
    .option('--all-netns', 'of every network namespace that a process is in')
    .addOption(
      new Option(
        '--netns-top <number>',
        'with --all-netns: of so many, those with the most half-opens (default: 100)',
      ).argParser(parseMost),
    )
    .addOption(
      new Option(
        '--listeners-top <number>',
        'series of so many addresses a namespace, those nearest to a limit',
      )
        .argParser(parseMost)
        .default(20),
    )
    .option('--handshake', 'how long handshakes take; reads every half-open from the stream')
    .option('--drops', 'dropped segments by reason; attaches the hooks for them')
    .action(async (_options, command: Command) => {
      const { exportMetrics } = await import('./commands/export.js');
      await exportMetrics(host, command.optsWithGlobals<ExportOptions>(), version);
    });

  program
    .command('status')
    .description('the module: is its count exact, its hooks, parameters and readers')
    .option('--audit', "hold the count against the kernel's own sockets; exit 1 if they differ")
    .action(async (_options, command: Command) => {
      const { status } = await import('./commands/status.js');
      await status(host, command.optsWithGlobals<StatusOptions>());
    });

  const module = program
    .command('module')
    .configureHelp({ showGlobalOptions: false })
    .description(
      'the kernel module by DKMS, for the running kernel and each that is installed later',
    );
  module
    .command('install')
    .description('build the module from the sources that came with this command, and install it')
    .action(async (_options, command: Command) => {
      const { installModule } = await import('./commands/module.js');
      await installModule(host, command.optsWithGlobals<ModuleOptions>(), version);
    });
  module
    .command('remove')
    .description('take it away again, of every version')
    .action(async (_options, command: Command) => {
      const { removeModule } = await import('./commands/module.js');
      await removeModule(host, command.optsWithGlobals<ModuleOptions>());
    });

  program
    .command('completion')
    .configureHelp({ showGlobalOptions: false })
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .description('a script that has a shell complete the words of this command')
    .action(async (shell: Shell, _options, command: Command) => {
      const { completion } = await import('./commands/completion.js');
      await completion(host, program, shell, command.optsWithGlobals<CompletionOptions>());
    });

  return program;
}

/** Put commander's error into our form: one line that quotes arguments safely, then its hint. */
function errorLines(text: string): string {
  const [, message = '', hint = ''] =
    /^(?:error: |tcpsynq: )?(.*?)(\n\(Did you mean [^\n]*\))?\n?$/s.exec(text) ?? [];
  const rest = hint === '' ? '' : `${printable(hint.trim())}\n`;
  return `tcpsynq: ${printable(message)}\n${rest}`;
}

/** The words it was given, which commander's types leave out. */
function spelled(program: Command): readonly string[] {
  return (program as Command & { readonly rawArgs: readonly string[] }).rawArgs;
}

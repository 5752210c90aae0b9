import { type Argument, Command } from 'commander';
import { parseFactor } from './arguments.js';
import { addCapture } from './commands/capture.options.js';
import { addCloses } from './commands/closes.options.js';
import { addCompletion } from './commands/completion.options.js';
import { addCount } from './commands/count.options.js';
import { addDiagnose } from './commands/diagnose.options.js';
import { addDrops } from './commands/drops.options.js';
import { addEvents } from './commands/events.options.js';
import { addExport } from './commands/export.options.js';
import { addListeners } from './commands/listeners.options.js';
import { addModule } from './commands/module.options.js';
import { addPlot } from './commands/plot.options.js';
import { addReport } from './commands/report.options.js';
import { addStatus } from './commands/status.options.js';
import { addTrace } from './commands/trace.options.js';
import { addWatch } from './commands/watch.options.js';
import { type Host, writeAside } from './terminal/host.js';
import { printable } from './terminal/printable.js';

/**
 * Adapt a command line for commander. There an option with an optional value takes the next word,
 * so `capture --compress FILE` would lose its file.
 */
export function spelledOut(argv: readonly string[]): string[] {
  const end = argv.indexOf('--');
  return argv.map((word, i) =>
    word === '--compress' && (end < 0 || i < end) ? '--compress=gzip' : word,
  );
}

/**
 * Make the commands and their options. Each command's code is loaded when it runs. Wrong usage
 * rejects parseAsync with a CommanderError after its message was written to the host's stderr.
 */
export function makeProgram(host: Host, version: string): Command {
  const program = new Command('tcpsynq')
    .description(
      "What this host's TCP SYN queue is doing: half-open connections, how they end, how full the queues are.",
    )
    .version(version)
    .option(
      '-i, --input <source>',
      'read auto, module, proc, a capture file (gzip too), or - for stdin',
      'auto',
    )
    .option(
      '--netns <pid|name>',
      'read the network namespace of a process, or one that `ip netns` names',
    )
    .option('--json', 'print one JSON object a line')
    .option(
      '--speed <factor>',
      'with -i FILE: replay at this multiple of the recorded pace',
      parseFactor,
    )
    // By default, the descriptions beside the longest command would not wrap at 80 columns: their
    // column is too narrow.
    .configureHelp({ showGlobalOptions: true, minWidthToWrap: 20, subcommandTerm })
    .showHelpAfterError('(add --help for the options)')
    .configureOutput({
      writeOut: (text) => void host.out.write(text),
      writeErr: (text) => void writeAside(host, text),
      outputError: (text, write) => write(errorLines(text)),
      getOutHelpWidth: () => (host.out.tty ? Math.min(host.out.columns, 80) : 80),
      getErrHelpWidth: () => (host.err.tty ? Math.min(host.err.columns, 80) : 80),
      getOutHasColors: () => host.out.colour,
      getErrHasColors: () => host.err.colour,
    })
    .exitOverride();

  program.commandsGroup('What is wrong:');
  addDiagnose(program, host);
  addListeners(program, host);
  addCount(program, host);
  addWatch(program, host);
  program.commandsGroup('What happened to each:');
  addEvents(program, host);
  addDrops(program, host);
  addCloses(program, host);
  addTrace(program, host);
  program.commandsGroup('To keep and to show:');
  addCapture(program, host);
  addPlot(program, host);
  addReport(program, host, version);
  addExport(program, host, version);
  program.commandsGroup('To set up:');
  addStatus(program, host);
  addModule(program, host, version);
  addCompletion(program, host);
  program.addHelpCommand(
    new Command('help')
      .argument('[command]')
      .description('show the help of a command')
      .helpGroup('To set up:'),
  );
  return program;
}

/** Return a command and its arguments, without "[options]", which all have. */
function subcommandTerm(command: Command): string {
  return [command.name(), ...command.registeredArguments.map((one) => argumentTerm(one))].join(' ');
}

function argumentTerm(argument: Argument): string {
  const name = `${argument.name()}${argument.variadic ? '...' : ''}`;
  return argument.required ? `<${name}>` : `[${name}]`;
}

/** Convert commander's error to one line that quotes arguments safely, then its hint. */
function errorLines(text: string): string {
  const [, message = '', hint = ''] =
    /^(?:error: |tcpsynq: )?(.*?)(\n\(Did you mean [^\n]*\))?\n?$/s.exec(text) ?? [];
  const rest = hint === '' ? '' : `${printable(hint.trim())}\n`;
  return `tcpsynq: ${printable(message)}\n${rest}`;
}

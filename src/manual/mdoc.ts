import type { Command, Help, Option } from 'commander';

/** Escape a text so that it is shown unchanged: no macros, and plain hyphens and quotes. */
function literal(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('`', '\\(ga')
    .replaceAll("'", '\\(aq')
    .replaceAll('-', '\\-')
    .replace(/^\./, '\\&.');
}

/** Escape a line of running text: hyphens within words may end a line. */
function prose(text: string): string {
  return literal(text).replace(/(?<=\w)\\-(?=\w)/g, '-');
}

/** Format `-n, --count <number>` with the macros for options and their arguments. */
function term(option: Option): string {
  const [spelled = '', joint, placeholder] =
    /^([^<[]*?)(?:( )([<[].*))?$/.exec(option.flags)?.slice(1) ?? [];
  const flags = spelled
    .split(', ')
    .map((one) => `Fl ${literal(one.replace(/^-/, ''))}`)
    .join(' , ');
  if (joint === undefined || placeholder === undefined) {
    return flags;
  }
  const name = literal(placeholder.slice(1, -1));
  return option.optional ? `${flags} Ns Op = Ns Ar ${name}` : `${flags} Ar ${name}`;
}

/** Return a list of terms, each with its description. */
function list(items: readonly (readonly [string, string])[]): string[] {
  const lines = items.flatMap(([name, text]) => [`.It ${name}`, prose(text)]);
  return lines.length === 0 ? [] : ['.Bl -tag -width Ds', ...lines, '.El'];
}

function options(help: Help, of: readonly Option[]): string[] {
  return list(of.map((option) => [term(option), help.optionDescription(option)]));
}

function argumentsOf(help: Help, command: Command): string[] {
  return list(
    help
      .visibleArguments(command)
      .map((argument) => [
        `Ar ${literal(help.argumentTerm(argument))}`,
        help.argumentDescription(argument),
      ]),
  );
}

/** Return the subcommands except `help`, which is not about this program. */
function commandsOf(help: Help, command: Command): Command[] {
  return help.visibleCommands(command).filter((one) => one.name() !== 'help');
}

/** Return a section for a command, and one for each subcommand. */
function sections(command: Command, path: string): string[] {
  const help = command.createHelp();
  const below = commandsOf(help, command);
  const own = help.visibleOptions(command).filter(({ long }) => long !== '--help');
  return [
    `.Ss ${path}`,
    ...(below.length > 0 ? [] : [`.Dl tcpsynq ${literal(`${path} ${command.usage()}`)}`, '.Pp']),
    prose(help.commandDescription(command)),
    ...argumentsOf(help, command),
    ...options(help, own),
    ...below.flatMap((one) => sections(one, `${path} ${one.name()}`)),
  ];
}

/**
 * Return the manual page in section 1, in mdoc.
 *
 * @param frame the page, with `@VERSION@`, and lines `@OPTIONS@` and `@COMMANDS@` that are replaced
 *   by the program's own texts
 */
export function manual(program: Command, frame: string): string {
  const help = program.createHelp();
  const commands = commandsOf(help, program).flatMap((one) => sections(one, one.name()));
  return frame
    .replaceAll('@VERSION@', program.version() ?? '')
    .replace('@OPTIONS@', () => options(help, help.visibleOptions(program)).join('\n'))
    .replace('@COMMANDS@', () => commands.join('\n'));
}

import type { Node, OptionValue, Switch } from './tree.js';

/**
 * The condition that the current word is not an option: after `--option=`, only the option's values
 * are offered.
 */
const NO_OPTION = 'not string match -q -- "-*" (commandline -ct)';

function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}

/** Return the arguments of `complete` that offer the possible values: words, files, or both. */
function offer({ words, files }: OptionValue): string[] {
  return [files ? '-F' : '-f', ...(words.length > 0 ? ['-a', quoted(words.join(' '))] : [])];
}

function line(name: string, condition: string, words: readonly string[]): string {
  return [
    'complete -c',
    name,
    ...(condition === '' ? [] : ['-n', quoted(condition)]),
    ...words,
  ].join(' ');
}

function switchWords({ spellings, description, value, optional }: Switch): string[] {
  return [
    ...spellings.flatMap((one) =>
      one.startsWith('--') ? ['-l', one.slice(2)] : ['-s', one.slice(1)],
    ),
    ...(value === null ? [] : [...(optional ? [] : ['-r']), ...offer(value)]),
    '-d',
    quoted(description),
  ];
}

function both(...conditions: readonly string[]): string {
  return conditions.filter((one) => one !== '').join('; and ');
}

function linesOf(program: string, node: Node, condition: string): string[] {
  const names = node.commands.map(({ name }) => name);
  const before =
    names.length === 0 ? '' : both(condition, `not __fish_seen_subcommand_from ${names.join(' ')}`);
  const alone = node.commands.filter(({ inherited }) => inherited.length === 0);
  const mine =
    alone.length === 0
      ? condition
      : both(
          condition,
          `not __fish_seen_subcommand_from ${alone.map(({ name }) => name).join(' ')}`,
        );
  return [
    ...node.switches.map((one) => line(program, mine, switchWords(one))),
    ...node.commands.map((one) =>
      line(program, before, ['-a', one.name, '-d', quoted(one.description)]),
    ),
    ...node.values.map((value) =>
      value.command
        ? line(program, both(condition, 'contains -- -- (commandline -opc)'), [
            '-a',
            quoted('(__fish_complete_command)'),
          ])
        : line(program, value.files ? both(condition, NO_OPTION) : condition, offer(value)),
    ),
    ...node.commands.flatMap((one) =>
      linesOf(program, one, both(condition, `__fish_seen_subcommand_from ${one.name}`)),
    ),
  ];
}

/** Return a completion script for fish. */
export function fish(program: Node): string {
  return `# fish completion for ${program.name}
complete -c ${program.name} -f
${linesOf(program.name, program, '').join('\n')}
`;
}

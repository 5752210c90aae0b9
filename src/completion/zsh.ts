import type { Node, OptionValue, Switch } from './tree.js';

/** The script's own function for words and files. */
const WITH_FILES = '_tcpsynq_words_and_files';

const AFTER_DASHES = `	local dashes=$words[(i)--]
	if ((dashes < CURRENT)); then
		# Another command's words.
		shift $dashes words
		((CURRENT -= dashes))
		_normal
		return
	fi
`;

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Escape a text between the brackets or colons of a specification. */
function escaped(text: string): string {
  return text.replace(/[\\[\]:]/g, '\\$&');
}

/** Return the possible values, as the end of a specification. */
function action({ name, words, files }: OptionValue): string {
  if (files) {
    return `${escaped(name)}: ${WITH_FILES} ${words.join(' ')}`;
  }
  return `${escaped(name)}:${words.length > 0 ? `(${words.join(' ')})` : ' '}`;
}

/** Return specifications for _arguments, one for each spelling. */
function specifications({ spellings, description, value, optional }: Switch): string[] {
  const others = spellings.length > 1 ? `(${spellings.join(' ')})` : '';
  const end = value === null ? '' : `:${optional ? ':' : ''}${action(value)}`;
  return spellings.map((spelling) => {
    const joint = value === null ? '' : optional ? '=-' : spelling.startsWith('--') ? '=' : '+';
    return quoted(`${others}${spelling}${joint}[${escaped(description)}]${end}`);
  });
}

/** Return the function that completes a command, after those of its subcommands. */
function functions(node: Node, name: string): string {
  const call = (flags: string, rest: readonly string[]) =>
    [
      `\t_arguments ${flags}`,
      ...[...node.switches, ...node.inherited].flatMap(specifications),
      ...rest,
    ].join(' \\\n\t\t');
  if (node.commands.length === 0) {
    const places = node.values.filter(({ command }) => !command);
    const rest = places.map((value, i) => quoted(`${i + 1}:${action(value)}`));
    return `${name}() {
${places.length < node.values.length ? AFTER_DASHES : ''}${call('-s', rest)}
}
`;
  }
  const known = node.commands.map((one) =>
    quoted(`${escaped(one.name)}:${escaped(one.description)}`),
  );
  return `${node.commands.map((one) => functions(one, `${name}_${one.name}`)).join('')}
${name}() {
	local curcontext=$curcontext state line
	typeset -A opt_args
	local -a known=(
		${known.join('\n\t\t')}
	)
${call('-C -s', ["'1: :->command'", "'*:: :->rest'"])}
	case $state in
	command) _describe -t commands command known ;;
	rest)
		case $line[1] in
		${node.commands.map((one) => `${one.name}) ${name}_${one.name} ;;`).join('\n\t\t')}
		esac
		;;
	esac
}
`;
}

/** Return a completion script for zsh, to be sourced, or to be a file `_NAME` in its `fpath`. */
export function zsh(program: Node): string {
  const name = `_${program.name}`;
  return `#compdef ${program.name}
${WITH_FILES}() {
	_alternative \${1:+"words:word:($*)"} 'files:file:_files'
}
${functions(program, name)}
if [[ $funcstack[1] = ${name} ]]; then
	${name} "$@"
else
	compdef ${name} ${program.name}
fi
`;
}

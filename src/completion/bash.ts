import type { Node, OptionValue, Switch } from './tree.js';

/** The branches of the script's two `case`s, on `COMMAND:OPTION` and `COMMAND:PLACE`. */
interface Branches {
  /** The possible values of an option, and whether the next word holds it. */
  readonly values: string[];
  /** The possible words at each place that is not an option's value. */
  readonly places: string[];
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function spellings(switches: readonly Switch[]): string {
  return quoted(switches.flatMap((one) => one.spellings).join(' '));
}

function offer({ words, files }: OptionValue): string {
  return `words=${quoted(words.join(' '))} files=${files ? 'yes' : ''}`;
}

function below(path: string, { name }: Node): string {
  return path === '' ? name : `${path} ${name}`;
}

function branch(node: Node, path: string, into: Branches): void {
  // Every command accepts the options of the whole program.
  const prefix = path === '' ? '*' : quoted(path);
  for (const one of node.switches) {
    if (one.value !== null) {
      const pattern = one.spellings.map((spelling) => `${prefix}:${spelling}`).join(' | ');
      into.values.push(`${pattern}) ${offer(one.value)} next=${one.optional ? '' : 'yes'} ;;`);
    }
  }
  const switches = `switches=${spellings([...node.switches, ...node.inherited])}`;
  for (const [place, value] of node.values.filter(({ command }) => !command).entries()) {
    into.places.push(`${quoted(path)}:${place}) ${switches} ${offer(value)} ;;`);
  }
  const names = quoted(node.commands.map(({ name }) => name).join(' '));
  into.places.push(`${quoted(path)}:*) ${switches} words=${names} ;;`);
  for (const one of node.commands) {
    branch(one, below(path, one), into);
  }
}

/** Return the path of every command. */
function paths(node: Node, path = ''): string[] {
  return node.commands.flatMap((one) => [below(path, one), ...paths(one, below(path, one))]);
}

function lines(branches: readonly string[], indent: string): string {
  return branches.map((one) => `${indent}${one}`).join('\n');
}

/** Return a completion script for bash 4 and newer, without dependencies. */
export function bash(program: Node): string {
  const branches: Branches = { values: [], places: [] };
  branch(program, '', branches);
  return `# bash completion for ${program.name}
_${program.name}_value() {
	case $1 in
${lines(branches.values, '\t')}
	*) return 1 ;;
	esac
}
_${program.name}() {
	local cur=\${COMP_WORDS[COMP_CWORD]} word command= option= place=0 i
	local switches= words files next
	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=\${COMP_WORDS[i]}
		if [[ $word == = ]]; then
			# --option=value is three words.
			option=\${COMP_WORDS[i - 1]}
			continue
		elif [[ -n $option ]]; then
			option=
			continue
		elif [[ $word == -- ]]; then
			# Another command's words.
			((i < COMP_CWORD - 1)) || mapfile -t COMPREPLY < <(compgen -c -- "$cur")
			((\${#COMPREPLY[@]} > 0)) || compopt -o default
			return
		fi
		if [[ $word == -?* ]]; then
			! _${program.name}_value "$command:$word" || option=\${next:+$word}
			continue
		fi
		case \${command:+$command }$word in
		${paths(program).map(quoted).join(' | ')}) command=\${command:+$command }$word ;;
		*) place=$((place + 1)) ;;
		esac
	done
	if [[ $cur == = ]]; then
		option=\${COMP_WORDS[COMP_CWORD - 1]} cur=
	fi
	words= files=
	if [[ -n $option ]]; then
		_${program.name}_value "$command:$option"
	else
		case $command:$place in
${lines(branches.places, '\t\t')}
		esac
		if [[ $cur == -* ]]; then
			words=$switches files=
		fi
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
	if [[ -n $files ]] && ((\${#COMPREPLY[@]} == 0)); then
		# readline's own, which knows quotes and tildes.
		compopt -o default
	elif [[ -n $files ]]; then
		compopt -o filenames
		mapfile -t -O \${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- "$cur")
	fi
}
complete -F _${program.name} ${program.name}
`;
}

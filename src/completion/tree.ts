import type { Argument, Command, Option } from 'commander';
import { LIVE_INPUTS } from '../source/input.js';

/** The possible words in one place of a command line. */
export interface OptionValue {
  /** The kind of value, in one word: `file`, `time`. */
  readonly name: string;
  readonly words: readonly string[];
  /** Whether files are possible too. */
  readonly files: boolean;
  /** Whether another command line begins here, after `--`. */
  readonly command: boolean;
}

export interface Switch {
  /** The typed forms: `-n`, `--count`. */
  readonly spellings: readonly string[];
  readonly description: string;
  /** Its value; null if it takes none. */
  readonly value: OptionValue | null;
  /** Whether its value may be omitted; if so, the value is accepted only after `=`. */
  readonly optional: boolean;
}

/** A command with everything that a shell completes. */
export interface Node {
  readonly name: string;
  readonly description: string;
  readonly switches: readonly Switch[];
  /** Options of the commands above it, which it accepts too. */
  readonly inherited: readonly Switch[];
  readonly values: readonly OptionValue[];
  readonly commands: readonly Node[];
}

function placeOf(name: string, choices: readonly string[] | undefined): OptionValue {
  return {
    name,
    words: choices ?? (name === 'source' ? LIVE_INPUTS : []),
    files: choices === undefined && ['file', 'path', 'source'].includes(name),
    command: false,
  };
}

function switchOf(option: Option): Switch {
  const placeholder = /[<[]([^>\].]+)/.exec(option.flags)?.[1];
  return {
    spellings: [option.short, option.long].filter((one) => one !== undefined),
    description: option.description,
    value: placeholder === undefined ? null : placeOf(placeholder, option.argChoices),
    optional: option.optional,
  };
}

function argumentOf(argument: Argument): OptionValue {
  const name = argument.name();
  return { ...placeOf(name, argument.argChoices), command: name === 'command' };
}

/** Read commander's tree of commands. */
export function treeOf(command: Command): Node {
  const help = command.createHelp();
  const commands = help.visibleCommands(command).map(treeOf);
  const names = commands.map(({ name }) => name);
  return {
    name: command.name(),
    description: command.description(),
    switches: help.visibleOptions(command).map(switchOf),
    inherited: help.visibleGlobalOptions(command).map(switchOf),
    values: command.registeredArguments.map(argumentOf),
    // The argument of `help` is another command, which commander does not report.
    commands: commands.map((one) =>
      one.name === 'help' ? { ...one, values: [placeOf('command', names)] } : one,
    ),
  };
}

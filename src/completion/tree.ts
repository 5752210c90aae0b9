import type { Argument, Command, Option } from 'commander';
import { LIVE_INPUTS } from '../source/input.js';

/** What can stand in one place of a command line. */
export interface OptionValue {
  /** What it stands for, in one word: `file`, `time`. */
  readonly name: string;
  readonly words: readonly string[];
  /** Any file too. */
  readonly files: boolean;
  /** A command line of its own begins here, after `--`. */
  readonly command: boolean;
}

export interface Switch {
  /** As typed: `-n`, `--count`. */
  readonly spellings: readonly string[];
  readonly description: string;
  /** What it takes; null if nothing. */
  readonly value: OptionValue | null;
  /** Its value may be left out, and is then only looked for after `=`. */
  readonly optional: boolean;
}

/** A command as a shell completes it. */
export interface Node {
  readonly name: string;
  readonly description: string;
  readonly switches: readonly Switch[];
  /** Those of the commands above it that can be given too. */
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

/** Reads the tree of commands that commander has. */
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
    // What `help` takes is another command, which commander does not say.
    commands: commands.map((one) =>
      one.name === 'help' ? { ...one, values: [placeOf('command', names)] } : one,
    ),
  };
}

import type { Command } from 'commander';
import { bash } from '../completion/bash.js';
import { fish } from '../completion/fish.js';
import type { Shell } from '../completion/shells.js';
import { type Node, treeOf } from '../completion/tree.js';
import { zsh } from '../completion/zsh.js';
import type { Host } from '../terminal/host.js';
import { type CommonOptions, checkNoInput } from './options.js';

const SCRIPTS: Readonly<Record<Shell, (program: Node) => string>> = { bash, zsh, fish };

/**
 * Run `tcpsynq completion SHELL`: print a script with which SHELL completes the words of `program`.
 */
export async function completion(
  host: Host,
  program: Command,
  shell: Shell,
  options: CommonOptions,
): Promise<void> {
  checkNoInput('completion', options);
  await host.out.write(SCRIPTS[shell](treeOf(program)));
}

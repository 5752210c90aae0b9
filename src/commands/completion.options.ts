import { Argument, type Command } from 'commander';
import { SHELLS, type Shell } from '../completion/shells.js';
import type { Host } from '../terminal/host.js';
import type { CommonOptions } from './options.js';

/** Add `tcpsynq completion`. */
export function addCompletion(program: Command, host: Host): void {
  program
    .command('completion')
    .configureHelp({ showGlobalOptions: false })
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .description('print a completion script for a shell')
    .action(async (shell: Shell, _options, command: Command) => {
      const { completion } = await import('./completion.js');
      await completion(host, program, shell, command.optsWithGlobals<CommonOptions>());
    });
}

import type { Command } from 'commander';
import type { Host } from '../terminal/host.js';
import type { CommonOptions } from './options.js';

export type ModuleOptions = CommonOptions;

/** Add `tcpsynq module`. */
export function addModule(program: Command, host: Host, version: string): void {
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
      const { installModule } = await import('./module.js');
      await installModule(host, command.optsWithGlobals<ModuleOptions>(), version);
    });
  module
    .command('remove')
    .description('take it away again, of every version')
    .action(async (_options, command: Command) => {
      const { removeModule } = await import('./module.js');
      await removeModule(host, command.optsWithGlobals<ModuleOptions>());
    });
}

import type { Command } from 'commander';
import type { Host } from '../terminal/host.js';
import { running } from './common.options.js';

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
    .action(running(async () => (await import('./module.js')).installModule, host, version));
  module
    .command('remove')
    .description('take it away again, of every version')
    .action(running(async () => (await import('./module.js')).removeModule, host));
}

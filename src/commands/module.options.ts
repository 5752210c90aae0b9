import type { Command } from 'commander';
import type { Host } from '../terminal/host.js';
import { running } from './common.options.js';

/** Add `tcpsynq module`. */
export function addModule(program: Command, host: Host, version: string): void {
  const module = program
    .command('module')
    .configureHelp({ showGlobalOptions: false })
    .description('install or remove the kernel module, by DKMS');
  module
    .command('install')
    .description('build the module that came with this command, for this kernel and each later one')
    .action(running(async () => (await import('./module.js')).installModule, host, version));
  module
    .command('remove')
    .description('remove the module, every version of it')
    .action(running(async () => (await import('./module.js')).removeModule, host));
}

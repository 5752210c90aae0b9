import { type Command, Option } from 'commander';
import { parseInterval, parseMost, parsePlace } from '../arguments.js';
import type { Host } from '../terminal/host.js';
import { running } from './common.options.js';
import type { CommonOptions } from './options.js';

export interface ExportOptions extends CommonOptions {
  readonly listen?: { readonly host: string; readonly port: number };
  /** The path of a socket to listen on. */
  readonly unix?: string;
  /** A file to write, for node_exporter. */
  readonly textfile?: string;
  /** Between two times it is written, in ms; undefined for once. */
  readonly interval?: number;
  readonly allNetns?: boolean;
  readonly netnsTop?: number;
  readonly listenersTop: number;
  readonly handshake?: boolean;
  readonly drops?: boolean;
}

/** Add `tcpsynq export`. */
export function addExport(program: Command, host: Host, version: string): void {
  program
    .command('export')
    .description('serve metrics to Prometheus, or write them for node_exporter')
    .option('--listen <host:port>', 'answer there (default: 127.0.0.1:19106)', parsePlace)
    .addOption(
      new Option('--unix <path>', 'answer on a socket of that name instead').conflicts('listen'),
    )
    .addOption(
      new Option('--textfile <file>', 'write the metrics to FILE.prom instead, once').conflicts([
        'listen',
        'unix',
      ]),
    )
    .option(
      '--interval <time>',
      'with --textfile: write it so often, such as 15s, until told to stop',
      parseInterval,
    )
    .option('--all-netns', 'of every network namespace that a process is in')
    .option(
      '--netns-top <number>',
      'with --all-netns: of so many, those with the most half-opens (default: 100)',
      parseMost,
    )
    .option(
      '--listeners-top <number>',
      'series of so many addresses a namespace, those nearest to a limit',
      parseMost,
      20,
    )
    .option('--handshake', 'how long handshakes take; reads every half-open from the stream')
    .option('--drops', 'dropped segments by reason; attaches the hooks for them')
    .action(running(async () => (await import('./export.js')).exportMetrics, host, version));
}

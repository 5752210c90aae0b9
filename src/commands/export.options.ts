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
  /** Interval between two writes, in ms; undefined to write once. */
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
    .option('--listen <host:port>', 'listen on this address (default: 127.0.0.1:19106)', parsePlace)
    .addOption(
      new Option('--unix <path>', 'listen on this Unix socket instead').conflicts('listen'),
    )
    .addOption(
      new Option('--textfile <file>', 'write the metrics to FILE.prom instead, once').conflicts([
        'listen',
        'unix',
      ]),
    )
    .option(
      '--interval <time>',
      'with --textfile: write it at this interval, such as 15s, until stopped',
      parseInterval,
    )
    .option('--all-netns', 'serve every network namespace that has a process')
    .option(
      '--netns-top <number>',
      'with --all-netns: serve this many, with the most half-opens (default: 100)',
      parseMost,
    )
    .option(
      '--listeners-top <number>',
      'serve this many listeners of a namespace, the fullest',
      parseMost,
      20,
    )
    .option('--handshake', 'serve how long handshakes take; reads every half-open from the stream')
    .option('--drops', 'serve dropped segments by reason; attaches the hooks for them')
    .action(running(async () => (await import('./export.js')).exportMetrics, host, version));
}

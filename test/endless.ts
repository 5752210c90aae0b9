// The commands that run until they are stopped. Each has an input of two parts, and functions that
// detect when the command has read them.

import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { gunzipSync, constants as zlib } from 'node:zlib';
import { afterAll, beforeAll } from 'vitest';
import {
  closeCapture,
  countLine,
  dropCapture,
  eventCapture,
  NO_SSTHRESH,
  sampleLine,
  transfers,
} from './capture.js';
import { CLI, execute, Started } from './command.js';
import { eventually } from './eventually.js';

let top: string;

/** Make a folder for the files of the commands, until the tests of the calling file end. */
export function useFolder(): void {
  beforeAll(async () => {
    top = await mkdtemp(join(tmpdir(), 'tcpsynq-endless-'));
  });
  afterAll(() => rm(top, { recursive: true }));
}

/** A command that runs until it is stopped, and its input. */
export interface Subject {
  readonly args: readonly string[];
  /** The two parts of its input; null for a command that reads the host. */
  readonly input: readonly [string, string] | null;
  /** The file that it reads; undefined for stdin. */
  readonly file?: string;
  /** Return whether it has read the first part. */
  readonly ready: (started: Started) => boolean | Promise<boolean>;
  /** The file that it writes, if it writes one. */
  readonly out: string;
  /** A file that it removes when it ends normally. */
  readonly gone?: string;
  /** Return whether it has read all of its input. */
  readonly all: (started: Started) => boolean | Promise<boolean>;
}

const [DROP, CLOSE] = [
  'tcp_v4_rcv+0x1f3 NO_SOCKET 10.0.0.1:80 10.0.0.2:1 - SYN 40 - tcp',
  '10.0.0.1:80 10.0.0.2:1 FIN_WAIT2 fin -',
];
const sample = (time: number) =>
  `${sampleLine(time, '10.0.0.1:80 10.0.0.2:1', 10, NO_SSTHRESH, 1000)}\n`;
const lines = (count: number) => (started: Started) =>
  started.stdout.trimEnd().split('\n').length >= count;
const holds = (file: string, text: string) => async () =>
  (await readFile(file, 'utf8').catch(() => '')) === text;
const unpacksTo = (file: string, text: string) => async () => {
  const packed = await readFile(file).catch(() => Buffer.alloc(0));
  const options = { finishFlush: zlib.Z_SYNC_FLUSH };
  return packed.length > 0 && String(gunzipSync(packed, options)) === text;
};

export function subject(command: string): Subject {
  const events = eventCapture(['A 10.0.0.1:80 10.0.0.2:1 1 9']);
  const out = join(top, `${command.replace(/\W+/g, '-')}-${Math.random()}`);
  const more = countLine(200, {});
  const counts = [`${countLine(0, {})}\n`, `${more}\n`] as const;
  const head = transfers(1, 0);
  switch (command) {
    case 'watch':
      return { out, args: ['-i', '-'], input: counts, ready: lines(2), all: lines(3) };
    case 'events':
      return {
        out,
        args: ['-i', '-'],
        input: [events, 'A 1.0 10.0.0.1:80 10.0.0.3:1 2 9\n'],
        ready: lines(2),
        all: lines(3),
      };
    case 'drops':
      return {
        out,
        args: ['--each', '-i', '-'],
        input: [dropCapture(0, [`D 0.1 ${DROP}`]), `D 0.2 ${DROP}\n`],
        ready: lines(2),
        all: lines(3),
      };
    case 'closes':
      return {
        out,
        args: ['-i', '-'],
        input: [closeCapture(0, [`X 0.1 ${CLOSE}`]), `X 0.2 ${CLOSE}\n`],
        ready: lines(2),
        all: lines(3),
      };
    case 'trace':
      return {
        out,
        args: ['--each', '-i', '-'],
        input: [head, sample(1)],
        ready: lines(2),
        all: lines(3),
      };
    case 'capture':
    case 'capture --compress': {
      const packed = command !== 'capture';
      return {
        out,
        args: ['-i', '-', out],
        input: [events, `${more}\n`],
        ready: packed ? unpacksTo(out, events) : holds(out, events),
        // Do not wait for a flush: records that are not flushed yet must not be lost.
        all: packed ? () => pause(100, true) : holds(out, `${events}${more}\n`),
      };
    }
    case 'export':
      return {
        out,
        args: ['--unix', out],
        input: null,
        ready: ({ stderr }) => stderr.includes('listening on'),
        all: async () => (await scrape(out)) === 200,
        gone: out,
      };
    default:
      return {
        out,
        args: ['--follow', '-o', out, `${out}.in`],
        input: [head + sample(1), sample(2)],
        file: `${out}.in`,
        ready: lines(3),
        all: () => pause(300, true),
      };
  }
}

/**
 * Start a command, and wait until it has read the first part of its input. `before` is a command
 * that runs it: nohup.
 */
export async function underWay(
  command: string,
  { before = [], one = subject(command) }: { before?: readonly string[]; one?: Subject } = {},
) {
  const [first = '', later = ''] = one.input ?? [];
  if (one.file !== undefined) {
    await writeFile(one.file, first);
  }
  const args = [...command.split(' '), ...one.args];
  const [file, ...words] = [...before, CLI];
  const started = file === CLI ? execute(args) : new Started(file as string, [...words, ...args]);
  if (one.file === undefined && one.input !== null) {
    started.child.stdin?.write(first);
  }
  await eventually(`${command} to start`, () => one.ready(started));
  const feed = async () => {
    if (one.file !== undefined) {
      await appendFile(one.file, later);
    } else if (one.input !== null) {
      started.child.stdin?.write(later);
    }
    await eventually(`${command} to take all`, () => one.all(started));
  };
  return { started, feed, gone: one.gone, one };
}

/** Request the metrics of an exporter on a Unix socket, and return the HTTP status. */
export function scrape(socketPath: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request({ socketPath, path: '/metrics' }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode));
    })
      .on('error', reject)
      .end();
  });
}

export const COMMANDS = [
  'watch',
  'events',
  'drops',
  'closes',
  'trace',
  'capture',
  'capture --compress',
  'export',
  'plot',
];
/** The last line of each command that has read all of its input; `export` prints none. */
export const SUMMARY: Readonly<Record<string, RegExp>> = {
  watch: /^tcpsynq: 2 counts in /m,
  events: /^tcpsynq: added 2, /m,
  drops: /^tcpsynq: 2 drops in /m,
  closes: /^tcpsynq: 2 closes in /m,
  trace: /^tcpsynq: 2 samples of /m,
  capture: /^tcpsynq: 2 records in /m,
  'capture --compress': /^tcpsynq: 2 records in /m,
  export: /(?:)/,
  plot: /^tcpsynq: 3 samples of /m,
};

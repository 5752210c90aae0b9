#!/usr/bin/env node
// Keep this import first, so that SIGUSR1 is handled before other code loads.
import './signals.js';
import { openSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import type { ReadStream } from 'node:tty';
import { Failure } from './failure.js';
import { OK, report, run } from './run.js';
import { ENDING, hangupIgnored, STOPPING, stdoutClosed } from './signals.js';
import type { Host, Keys } from './terminal/host.js';
import { type Destination, Output } from './terminal/output.js';

const abort = new AbortController();
const restorers = new Set<() => void>();
let signalled: Parameters<Host['onSignal']>[0] | null = null;
/** The first signal that ended the command. */
let endedBy: NodeJS.Signals | null = null;

function restore(): void {
  for (const one of restorers) {
    one();
  }
}

/** A key from a terminal: a character, or an escape sequence such as that of an arrow key. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: keys are control characters
const KEY = /\u001b(?:\[[0-9;]*|O)[A-Za-z~]|./gsu;

function keyboard(): Keys | null {
  let input: ReadStream;
  if (process.stdin.isTTY) {
    input = process.stdin;
  } else {
    try {
      const tty = process.getBuiltinModule('node:tty');
      input = new tty.ReadStream(openSync('/dev/tty', 'r'));
    } catch {
      return null;
    }
  }
  let onData: ((chunk: string) => void) | null = null;
  return {
    listen(onKey) {
      onData = (chunk) => (chunk.match(KEY) ?? []).forEach(onKey);
      input.setEncoding('utf8');
      input.setRawMode(true);
      input.on('data', onData);
      input.resume();
    },
    close() {
      if (onData !== null) {
        input.off('data', onData);
      }
      input.setRawMode(false);
      input.pause();
    },
  };
}

/**
 * Make a destination that rejects all data. Node replaces a closed stdout by /dev/null, which would
 * accept it.
 */
function refusing(): Destination {
  const { Writable } = process.getBuiltinModule('node:stream');
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      done(chunk.length > 0 ? new Error('stdout is closed') : null);
    },
  });
}

/** Created on first use: Node takes long to open a terminal, and many commands never use stderr. */
let err: Output | null = null;

const host: Host = {
  out: new Output(stdoutClosed ? refusing() : process.stdout, process.env, () => abort.abort()),
  get err() {
    err ??= new Output(process.stderr, process.env);
    return err;
  },
  signal: abort.signal,
  stop: () => abort.abort(),
  status: OK,
  stdin: () => process.stdin,
  keys: keyboard,
  onExit(one) {
    restorers.add(one);
    return () => restorers.delete(one);
  },
  onSignal(listener) {
    signalled = listener;
    return () => {
      signalled = null;
    };
  },
  onProgress(listener) {
    process.on('SIGUSR1', listener);
    return () => process.off('SIGUSR1', listener);
  },
  hangupIgnored,
  suspend: () =>
    new Promise((resolve) => {
      process.once('SIGCONT', resolve);
      // Stop the whole process group, as the terminal does: the shell waits for every part of a
      // pipeline.
      process.kill(0, 'SIGTSTP');
    }),
};

/**
 * End the command on the first signal, as if its input had ended; end the process on the second.
 */
function onSignal(signal: NodeJS.Signals): void {
  if (signalled !== null) {
    const terminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
    signalled(signal, (signal === 'SIGINT' || signal === 'SIGQUIT') && terminal);
    return;
  }
  if (abort.signal.aborted) {
    restore();
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  }
  endedBy ??= signal;
  abort.abort();
}

/**
 * Check Node's version: npm may have installed tcpsynq with another Node than the first in PATH.
 */
function refuseOldNode(): void {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    const own = process.versions.node;
    throw new Failure(
      `needs Node 20.19 or newer, and ${process.execPath} is ${own}: npm install --global node@20`,
    );
  }
}

async function main(): Promise<number> {
  try {
    refuseOldNode();
  } catch (error) {
    return report(error, host, restore);
  }
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return run(process.argv.slice(2), host, JSON.parse(manifest).version, restore);
}

/** Exit explicitly: an open keyboard or pipe would keep the process alive. */
async function end(code: number): Promise<void> {
  await err?.flush().catch(() => {});
  const asked = endedBy === null || STOPPING.includes(endedBy);
  process.exit(code === OK && !asked ? 128 + constants.signals[endedBy as NodeJS.Signals] : code);
}

process.on('exit', restore);
for (const signal of ENDING) {
  process.on(signal, onSignal);
}
process.on('uncaughtException', (error) => void end(report(error, host, restore)));
void main().then(end);

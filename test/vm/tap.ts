// A tap that cat reads, without the tcpsynq command, and checks that apply to any stream.

import { type ChildProcess, spawn } from 'node:child_process';
import { expect, onTestFinished } from 'vitest';
import { eventually } from '../eventually.ts';
import { inside } from './guest.ts';

/** A tap in `namespace`, or in the guest's initial one, that is read until stop(). */
export class Tap {
  private text = '';
  private readonly closed: Promise<void>;
  private readonly child: ChildProcess;

  constructor(namespace: string | undefined, filter: string, reader = 'exec cat <&3') {
    const script = `exec 3<>/proc/net/tcpsynq && echo '${filter}' >&3 && ${reader}`;
    const shell = ['bash', '-c', script];
    const [command = '', ...args] = namespace ? [...inside(namespace).split(' '), ...shell] : shell;
    this.child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.child.stdout?.setEncoding('latin1');
    this.child.stdout?.on('data', (chunk) => {
      this.text += chunk;
    });
    this.closed = new Promise((resolve) => this.child.on('close', () => resolve()));
    // Close the tap of a failed test, since other tests count the open taps.
    onTestFinished(async () => {
      this.child.kill('SIGKILL');
      await this.closed;
    });
  }

  /** Wait until the tap records. */
  async ready(): Promise<this> {
    await this.shows(/\nC /);
    return this;
  }

  /** Wait until the tap has shown text that matches. */
  async shows(what: RegExp): Promise<void> {
    await eventually(`${what} in a tap`, () => what.test(this.text));
  }

  /** Wait for a C line newer than this call, end the tap, and return its lines as words. */
  async stop(): Promise<string[][]> {
    const now = Date.now() / 1000;
    const offset = Number(/^# clock_offset (\S+)$/m.exec(this.text)?.[1]);
    if (Number.isNaN(offset)) throw new Error('the tap has shown no header');
    const latest = () => {
      const end = this.text.lastIndexOf('\n');
      const at = this.text.lastIndexOf('\nC ', end - 1);
      return Number(this.text.slice(at + 3, at + 40).split(' ')[0]);
    };
    await eventually('a C line of now', () => offset + latest() >= now);
    this.child.kill('SIGTERM');
    await this.closed;
    return this.text
      .slice(0, this.text.lastIndexOf('\n'))
      .split('\n')
      .filter((line) => !line.startsWith('#'))
      .map((line) => line.split(' '));
  }
}

/** Return the lines of one kind. */
export const of = (kind: string, lines: string[][]) => lines.filter((words) => words[0] === kind);

export function expectInOrder(lines: string[][]): void {
  let last = -1;
  for (const words of lines) {
    const time = Number(words[1]);
    if (time < last) expect.fail(`${words.join(' ')} is older than ${last}`);
    last = time;
  }
}

import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  closeCapture,
  countLine,
  dropCapture,
  eventCapture,
  NO_SSTHRESH,
  sampleLine,
  transfers,
} from './capture.js';
import { bash, execute } from './command.js';
import { COMMANDS, SUMMARY, underWay, useFolder } from './endless.js';
import { eventually } from './eventually.js';

let top: string;

beforeAll(async () => {
  top = await mkdtemp(join(tmpdir(), 'tcpsynq-matrix-'));
});
afterAll(() => rm(top, { recursive: true }));
useFolder();

describe.concurrent.each(COMMANDS)('`%s`', (command) => {
  test('with SIGHUP ignored goes on after it', async () => {
    const { started, feed } = await underWay(command, { before: ['nohup'] });
    started.child.kill('SIGHUP');
    await feed();
    started.child.kill('SIGTERM');
    const { stderr, code } = await started.ended();
    expect(stderr).toMatch(SUMMARY[command] as RegExp);
    expect(code).toBe(0);
  });

  test('killed, leaves what can be read, and starts again', async () => {
    const first = await underWay(command);
    await first.feed();
    first.started.child.kill('SIGKILL');
    await first.started.ended();
    const { out } = first.one;
    if (command.startsWith('capture')) {
      const { stdout } = await bash(`"$X" events -i ${out}`);
      expect(stdout).toMatch(/ \+ 10\.0\.0\.1:80 /);
      await rm(out);
    }
    const second = await underWay(command, { one: first.one });
    await second.feed();
    second.started.child.kill('SIGTERM');
    const { stderr, code } = await second.started.ended();
    expect(stderr).toMatch(SUMMARY[command] as RegExp);
    expect(code).toBe(0);
  });
});

const N = 5000;
/** N records for each command that prints a line per record, and the pattern of these lines. */
const STREAMS: Readonly<Record<string, readonly [string, RegExp]>> = {
  watch: [many('', (i) => countLine(i, {})), /^\d/],
  events: [
    many(eventCapture([]), (i) => `A ${(i / 100).toFixed(9)} 10.0.0.1:80 10.0.0.2:${i} 1 9`),
    /^\S+ \+ /,
  ],
  drops: [
    many(
      dropCapture(0, []),
      (i) =>
        `D ${(i / 100).toFixed(9)} tcp_v4_rcv+0x1f3 NO_SOCKET 10.0.0.1:80 10.0.0.2:1 - SYN 40 - tcp`,
    ),
    / tcp_v4_rcv\+/,
  ],
  closes: [
    many(
      closeCapture(0, []),
      (i) => `X ${(i / 100).toFixed(9)} 10.0.0.1:80 10.0.0.2:1 FIN_WAIT2 fin -`,
    ),
    / fin$/,
  ],
  trace: [
    many(transfers(1, 0).replace(/^S .*\n/gm, ''), (i) =>
      sampleLine(i / 100, '10.0.0.1:80 10.0.0.2:1', 10, NO_SSTHRESH, 1000),
    ),
    /^\d/,
  ],
};

function many(head: string, line: (i: number) => string): string {
  return `${head}${Array.from({ length: N }, (_, i) => `${line(i)}\n`).join('')}`;
}

const lineByLine = (command: string) =>
  `${command}${command === 'drops' || command === 'trace' ? ' --each' : ''}`;
const count = (text: string, pattern: RegExp) =>
  text.split('\n').filter((line) => pattern.test(line)).length;

describe.concurrent.each(Object.keys(STREAMS))('`%s` of many records', (command) => {
  const [input, pattern] = STREAMS[command] as readonly [string, RegExp];
  const file = () => join(top, `${command}.in`);

  beforeAll(() => writeFile(file(), input));

  test('into a slow reader: each of them', async () => {
    const { stdout, stderr } = await bash(
      `<${file()} "$X" ${lineByLine(command)} -i - | { sleep 1; head -c 3000; sleep 1; cat; }`,
    );
    expect(count(stdout, pattern), stderr).toBe(N);
  });

  test('into a reader that exits: no message', async () => {
    const { stdout, stderr } = await bash(
      `<${file()} "$X" ${lineByLine(command)} -i - | head -n 10; echo \${PIPESTATUS[0]}`,
    );
    expect(stdout).toMatch(/\n0\n$/);
    expect(stderr.replace(/^tcpsynq: [^\n]* in [^\n]*\n$/, '')).toBe('');
  });

  test('onto a full disk: one line, exit 1', async () => {
    const { stderr, code } = await bash(
      `exec "$X" ${lineByLine(command)} -i - <${file()} >/dev/full`,
    );
    expect(stderr).toMatch(/^tcpsynq: cannot write: no space left on device\n/m);
    expect(code).toBe(1);
  });

  test('onto a terminal that has hung up (EIO): no message', async () => {
    // A write to address 0 of a process's memory fails with EIO.
    const { stderr, code } = await bash(
      `"$X" ${lineByLine(command)} -i - <${file()} >/proc/$$/mem; exit $?`,
    );
    expect(stderr).not.toMatch(/cannot write/);
    expect(code).toBe(0);
  });

  test('of a file that is removed and made again', async () => {
    const followed = `${file()}.followed`;
    await writeFile(followed, input);
    const started = execute([...lineByLine(command).split(' '), '--follow', '-i', followed]);
    await eventually(`${N} lines`, () => count(started.stdout, pattern) >= N);
    await rm(followed);
    await writeFile(`${followed}.new`, input);
    await rename(`${followed}.new`, followed);
    await eventually(`${2 * N} lines`, () => count(started.stdout, pattern) >= 2 * N);
    started.child.kill('SIGTERM');
    const { stdout, code } = await started.ended();
    expect(count(stdout, pattern)).toBe(2 * N);
    expect(code).toBe(0);
  });
});

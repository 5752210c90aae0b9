import { readdir, readlink } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { capture, dropCapture, eventCapture } from './capture.js';
import { run } from './command.js';
import { eventually } from './eventually.js';

// Many tests run the command in one process, so a command must leave the process unchanged.

const RUNS: readonly (readonly [string, string])[] = [
  ['--help', ''],
  ['watch --frobnicate', ''],
  ['count', ''],
  ['count -i /none', ''],
  ['watch -n 2 --interval 10ms', ''],
  ['watch -i -', capture(10, 100)],
  ['watch -i - -n 1', capture(10, 100)],
  ['watch -i -', 'hello\n'],
  ['events -i - --top', eventCapture(['A 10.0.0.1:80 10.0.0.2:1 1 9'])],
  ['drops -i - --json', dropCapture(3, [])],
  ['closes -i -', capture(10, 100)],
  ['trace -i -', capture(10, 100)],
  ['diagnose --check -i -', capture(10, 100)],
  ['plot --terminal -', capture(10, 100)],
  ['report - -o -', capture(10, 100)],
  ['capture -i - -', capture(10, 100)],
  ['export --textfile /none/a.prom', ''],
  ['completion bash', ''],
  ['listeners', ''],
  ['status', ''],
];

/** Return everything about this process that a command could leave changed. */
async function state() {
  const files = (await readdir('/proc/self/fd')).map((fd) =>
    readlink(`/proc/self/fd/${fd}`).catch(() => null),
  );
  return {
    cwd: process.cwd(),
    umask: process.umask(),
    exitCode: process.exitCode,
    environment: { ...process.env },
    listeners: process.eventNames().map((name) => [name, process.listenerCount(name)]),
    files: (await Promise.all(files)).filter((path) => path?.startsWith('/')).sort(),
  };
}

test.each(RUNS)('`%s` leaves nothing behind in its process', async (line, input) => {
  const args = line.split(' ');
  const first = await run(args, input);
  const before = await state();
  const second = await run(args, input);
  const unnumbered = (text: string) => text.replaceAll(/\d+/g, 'N');
  expect(unnumbered(second.stdout)).toBe(unnumbered(first.stdout));
  // Do not compare stderr: capture prints its speed there, which differs, also in its unit.
  expect(second.code).toBe(first.code);
  // Node closes a file in another thread.
  await eventually('the files to be closed', async () => {
    return (await state()).files.length <= before.files.length;
  });
  const { files: _, ...after } = await state();
  expect({ ...after, files: before.files }).toEqual(before);
});

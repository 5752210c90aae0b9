// Load and unload the module under a flood, and kill readers in between.

import { spawn } from 'node:child_process';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ended, isLoaded, Link, load, requireGuest, sleep } from '../vm/guest.ts';
import {
  ALL_KINDS,
  expectExact,
  expectGone,
  expectInBounds,
  expectNoLeaks,
  Flood,
  setting,
  TAP,
  unloadSoon,
} from './kernel.ts';

requireGuest();

let link: Link;
beforeEach(() => {
  link = new Link();
});
afterEach(async () => {
  if (isLoaded()) await unloadSoon();
  await link.remove();
});

const LOADS = setting('LOADS', 200);

test(`loaded and unloaded ${LOADS} times, readers killed in between`, async () => {
  const flood = await Flood.start(link);
  for (let i = 0; i < LOADS; i++) {
    load(i % 5 === 4 ? 'via=kprobe' : '');
    const readers = Array.from({ length: i % 4 }, (_, n) =>
      spawn('ip', [
        ...['netns', 'exec', n === 0 ? link.attacker : link.target, 'bash', '-c'],
        `exec 3<>${TAP} && echo ${ALL_KINDS} >&3 && exec cat <&3 >/dev/null`,
      ]),
    );
    const f = link.countLine();
    expect(f.initial).toBeGreaterThan(0);
    expect(f.initial + f.added - ended(f)).toBe(f.half_open);
    if (i % 5 === 0) expectInBounds(link);
    if (readers.length > 0) await sleep(Math.random() * 1500);
    for (const reader of readers) reader.kill('SIGKILL');
    await unloadSoon();
  }
  load();
  await flood.end();
  await expectExact(link);
  await link.empty();
  await expectExact(link);
  await unloadSoon();
  expectGone();
  await expectNoLeaks();
});

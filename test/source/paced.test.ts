import { expect, test } from 'vitest';
import { paced } from '../../src/source/paced.js';
import { capture } from '../capture.js';

async function* chunksOf(text: string, size: number) {
  for (let at = 0; at < text.length; at += size) {
    yield Buffer.from(text.slice(at, at + size));
  }
}

async function play(text: string, speed: number, signal = new AbortController().signal) {
  const start = performance.now();
  const pieces: { at: number; text: string }[] = [];
  for await (const piece of paced(chunksOf(text, 37), speed, signal)) {
    pieces.push({ at: performance.now() - start, text: String(piece) });
  }
  return pieces;
}

test('nothing comes before its time, and nothing is changed', async () => {
  const text = capture(4, 10);
  const pieces = await play(text, 10);
  expect(pieces.map((piece) => piece.text).join('')).toBe(text);
  for (const { at, text } of pieces) {
    for (const [, time] of text.matchAll(/^C (\d+\.\d+)/gm)) {
      expect(at).toBeGreaterThan((Number(time) / 10) * 1000 - 25);
    }
  }
});

test('a new header starts the clock again', async () => {
  const late = capture(1, 10).replaceAll(/^C (\d)/gm, 'C 100$1');
  const pieces = await play(`${capture(1, 10)}${late}`, 10);
  expect(pieces.at(-1)?.at).toBeLessThan(60_000);
  expect(pieces.map((piece) => piece.text).join('')).toContain('C 1001.0');
});

// Node's timers cannot wait longer than 24.8 days.
test.each([0.001, 1e-9])('ends when the signal comes, at %s times the speed', async (speed) => {
  const abort = new AbortController();
  setTimeout(() => abort.abort(), 30);
  const pieces = await play(capture(4, 10), speed, abort.signal);
  expect(pieces.map((piece) => piece.text).join('')).not.toContain('C 4.0');
});

test('a line without an end is handed on, not kept', async () => {
  let kept = 0;
  let given = 0;
  async function* endless() {
    for (let i = 0; i < 200; i += 1) {
      given += 10_000;
      yield Buffer.alloc(10_000, 'x');
    }
  }
  let handed = 0;
  for await (const piece of paced(endless(), 10, new AbortController().signal)) {
    kept = Math.max(kept, given - handed);
    handed += piece.length;
  }
  expect(handed).toBe(given);
  expect(kept).toBeLessThan(100_000);
});

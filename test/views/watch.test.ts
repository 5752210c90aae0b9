import { describe, expect, test } from 'vitest';
import { Session } from '../../src/aggregate/session.js';
import type { Listener } from '../../src/proc/listeners.js';
import { render, widthOf } from '../../src/terminal/text.js';
import { drawWatch, type WatchScene } from '../../src/views/watch/chart.js';

const OTHERS = { reset: 0, unreachable: 0, closed: 0, other: 0, cookies: 0 };

function session(seconds: number): Session {
  const result = new Session(3600);
  for (let time = 0; time <= seconds; time += 1) {
    const half_open = time * 1000;
    const figures = {
      half_open,
      peak: half_open,
      added: time * 1100,
      completed: time * 10,
      expired: time * 90,
      queue_full: 0,
      accept_full: 0,
      ...OTHERS,
    };
    result.add({ kind: 'C', time, half_open, figures }, 1_790_000_000);
  }
  return result;
}

function listener(local: string, qlen: number, holds: number): Listener {
  return {
    local,
    qlen,
    holds,
    inode: 1,
    uid: 0,
    young: qlen,
    accept_qlen: 3,
    backlog: holds,
    defer_accept: 0,
    drops: 0,
    warned: false,
  };
}

const SCENE: WatchScene = {
  title: ['module', '6.1.0-56-amd64', 'netns 4026531840', 'every 1 s'],
  clock: '12:04:31',
  view: session(41),
  listeners: [
    listener('0.0.0.0:22', 0, 129),
    listener('0.0.0.0:443', 41_000, 65_536),
    listener('[2001:db8:1234:5678:9abc:def0:1234:5678]:65535', 1, 0),
  ],
  span: 60,
  edge: 'now',
  expanded: false,
  paused: false,
  waiting: null,
  keys: true,
  notKnown: [],
};

function text(scene: WatchScene, columns: number, rows: number): string[] {
  return drawWatch(scene, { columns, rows }).map((line) => render(line, columns, false));
}

test('shows the count, the rates, the chart, the fullest listener and the keys', () => {
  const lines = text(SCENE, 100, 20);
  expect(lines[0]).toMatch(/^tcpsynq watch {3}module {3}6\.1\.0.* 12:04:31$/);
  const all = lines.join('\n');
  expect(all).toMatch(/half-open +41 000 +peak +41 000 +change +\+1 000\/s/);
  expect(all).toMatch(/completed +10\/s/);
  expect(all).toMatch(/expired +90\/s/);
  expect(all).toMatch(/fullest {2}0\.0\.0\.0:443 {2}41 000 \/ 65 536 {2}█+░+ +63 % {3}accept 3/);
  expect(all).toMatch(/ended in 41 s: 4 100, 90 % expired, 10 % completed/);
  expect(all).toMatch(/-60 s +-30 s +now/);
  expect(lines.at(-1)).toMatch(/q quit {3}p pause {3}\+\/- span {3}l listeners$/);
});

describe('fits', () => {
  const scenes: readonly (readonly [string, WatchScene])[] = [
    ['as it is', SCENE],
    ['with all listeners', { ...SCENE, expanded: true }],
    ['paused', { ...SCENE, paused: true }],
    ['with nothing yet', { ...SCENE, view: new Session(60), listeners: null }],
    ['with one count', { ...SCENE, view: session(0) }],
    ['waiting', { ...SCENE, waiting: 'waiting for the module' }],
    ['for all there is', { ...SCENE, span: null }],
    ['without listeners', { ...SCENE, listeners: [] }],
    ['not knowing', { ...SCENE, listeners: null, notKnown: ['how half-opens ended, and more'] }],
  ];
  test.each(scenes)('%s', (_, scene) => {
    for (const columns of [1, 10, 20, 39, 40, 41, 60, 80, 132, 200]) {
      for (const rows of [1, 2, 3, 5, 8, 10, 24, 50]) {
        const lines = drawWatch(scene, { columns, rows });
        expect(lines.length).toBeLessThanOrEqual(rows);
        for (const line of lines) {
          const shown = render(line, columns, false);
          expect([...shown].length).toBe(Math.min(widthOf(line), columns));
        }
      }
    }
  });

  test.each([40, 80, 200])('no chart line needs cutting at %d columns', (columns) => {
    const chart = drawWatch(SCENE, { columns, rows: 24 }).filter((line) =>
      /[┤┼]/.test(render(line, 1000, false)),
    );
    expect(chart.length).toBeGreaterThan(5);
    expect(Math.max(...chart.map(widthOf))).toBeLessThanOrEqual(columns);
  });
});

test('a low terminal keeps the count, a chart and the keys', () => {
  const lines = text(SCENE, 80, 10);
  expect(lines.join('\n')).toMatch(/half-open +41 000/);
  expect(lines.filter((line) => /[┤┼]/.test(line)).length).toBeGreaterThanOrEqual(3);
  expect(lines.at(-1)).toContain('q quit');
});

test('says that it waits, pauses, and cannot know', () => {
  expect(text({ ...SCENE, waiting: 'waiting for the module' }, 80, 20).join('\n')).toContain(
    'waiting for the module',
  );
  expect(text({ ...SCENE, paused: true }, 80, 20)[0]).toMatch(/PAUSED$/);
  const unknowing = { ...SCENE, view: new Session(60), listeners: null, notKnown: ['outcomes'] };
  expect(text(unknowing, 80, 20).join('\n')).toContain('not known here: outcomes');
});

test('l shows the others below the fullest', () => {
  const lines = text({ ...SCENE, expanded: true }, 100, 24).join('\n');
  expect(lines).toMatch(/queues {3}0\.0\.0\.0:443/);
  expect(lines).toMatch(/0\.0\.0\.0:22 +0 \/ 129 /);
  expect(lines).toContain('cookies only');
});

test('an address from outside cannot steer the terminal', () => {
  const scene = { ...SCENE, title: ['\u001b]0;x\u0007'], listeners: [listener('\u001b[2J', 1, 2)] };
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that there is none is the point
  expect(text(scene, 100, 20).join('')).not.toMatch(/[\u0000-\u001f]/);
});

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hostile, incident, probeLine, sampleLine } from '../capture.js';
import { run } from '../command.js';
import { Browser, type Tab } from './chromium.js';

// The page in a real browser, opened as a local file.

const [DESK, PHONE] = [
  { width: 1200, height: 900 },
  { width: 390, height: 844 },
];

let directory: string;
let browser: Browser;
let address: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tcpsynq-browser-'));
  address = await pageOf('incident.log', incident());
  browser = await Browser.start();
}, 60_000);

afterAll(async () => {
  await browser.close();
  await rm(directory, { recursive: true });
});

async function pageOf(name: string, text: string): Promise<string> {
  const file = join(directory, name);
  await writeFile(file, text);
  const { code } = await run(['report', file, '-o', `${file}.html`]);
  expect(code).toBe(0);
  return pathToFileURL(`${file}.html`).href;
}

/** A script that returns each chart's id, and the number of nearly opaque colours on its canvas. */
const COLOURS = `[...document.querySelectorAll('.chart')].map((chart) => {
  const canvas = chart.querySelector('canvas');
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  const colours = new Set();
  for (let i = 0; i < data.length; i += 4) {
    if (data[i + 3] > 200) {
      colours.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]);
    }
  }
  return [chart.id, colours.size];
})`;

/** A script that returns the time span of the first charts, as the page shows it. */
const SHOWN = `document.querySelector('.zoom output').value`;

/** Scroll to a chart, and return the position of its plotting area in the window. */
async function areaOf(tab: Tab, id: string) {
  return tab.evaluate<{ left: number; top: number; width: number; height: number }>(
    `(() => {
      const over = document.querySelector('#${id} .u-over');
      over.scrollIntoView({ block: 'center', behavior: 'instant' });
      const { left, top, width, height } = over.getBoundingClientRect();
      return { left, top, width, height };
    })()`,
  );
}

describe('in a browser', () => {
  test('every chart is drawn; nothing is complained of, nothing fetched', async () => {
    const tab = await browser.open(address, DESK);
    const charts = await tab.evaluate<[string, number][]>(COLOURS);
    expect(charts.map(([id]) => id)).toEqual([
      'chart-half-open',
      'chart-outcomes',
      'chart-refused',
      'chart-handshake',
      'chart-cwnd-1',
      'chart-srtt-1',
      'chart-cwnd-2',
      'chart-srtt-2',
    ]);
    for (const [id, colours] of charts) {
      expect([id, colours > 3]).toEqual([id, true]);
    }
    const legends = await tab.evaluate<string[]>(
      `[...document.querySelectorAll('#chart-outcomes .u-label')].map(({ textContent }) => textContent)`,
    );
    expect(legends).toEqual(['time', 'reset', 'expired', 'completed']);
    expect(tab.complaints).toEqual([]);
    expect(tab.requests).toEqual([address]);
  });

  test('a stack has the colours of its layers, one above the other', async () => {
    const tab = await browser.open(address, DESK);
    // A column of pixels after the flood, where its last half-opens expire and others complete.
    const [layers, expected] = await tab.evaluate<[string[], string[]]>(`(() => {
      const chart = document.getElementById('chart-outcomes');
      const canvas = chart.querySelector('canvas');
      const over = chart.querySelector('.u-over');
      const x = parseFloat(over.style.left) + over.clientWidth * 0.72;
      const { data } = canvas.getContext('2d').getImageData(x, 0, 1, canvas.height);
      const seen = [];
      for (let y = canvas.height - 45; y > 0; y -= 1) {
        const colour = 'rgb(' + [...data.slice(4 * y, 4 * y + 3)].join(', ') + ')';
        if (data[4 * y + 3] === 255 && seen.at(-1) !== colour) seen.push(colour);
      }
      const names = ['completed', 'expired'];
      const probe = document.body.appendChild(document.createElement('i'));
      return [seen, names.map((name) => {
        probe.style.color = 'var(--outcome-' + name + ')';
        return getComputedStyle(probe).color;
      })];
    })()`);
    const order = expected.map((colour) => layers.indexOf(colour));
    expect(order[0]).toBeGreaterThanOrEqual(0);
    expect(order[1]).toBeGreaterThan(order[0] ?? 0);
  });

  test('drawing along a chart zooms it and its group; double-click and the buttons go back', async () => {
    const tab = await browser.open(address, DESK);
    const all = await tab.evaluate<string>(SHOWN);
    expect(all).toMatch(/^2026-09-21 14:13:20\.123 to 2026-09-21 14:14:20\.\d+$/);
    const { left, top, width, height } = await areaOf(tab, 'chart-outcomes');
    const y = top + height / 2;
    await tab.drag([left + width * 0.25, y], [left + width * 0.5, y]);
    const zoomed = await tab.evaluate<string>(SHOWN);
    const [from = 0, to = 0] = zoomed.split(' to ').map((words) => Date.parse(`${words}Z`) / 1000);
    const start = 1790000000.123;
    expect(from - start).toBeGreaterThan(13);
    expect(from - start).toBeLessThan(17);
    expect(to - start).toBeGreaterThan(28);
    expect(to - start).toBeLessThan(32);
    // The other charts of its group follow; the charts of a connection do not.
    const outputs = `[...document.querySelectorAll('.zoom output')].map(({ value }) => value)`;
    const shown = await tab.evaluate<string[]>(outputs);
    expect(shown).toHaveLength(3);
    expect(shown[1]).toMatch(/14:13:20\.123 to .*14:14:20\.123$/);
    await tab.evaluate(`document.querySelector('.zoom button:last-of-type').click()`);
    await tab.settle();
    expect(await tab.evaluate<string>(SHOWN)).toBe(all);
    await tab.evaluate(`document.querySelector('.zoom button[aria-label*="shorter"]').click()`);
    await tab.settle();
    expect(await tab.evaluate<string>(SHOWN)).toMatch(/14:13:35.* to .*14:14:05/);
    expect(tab.complaints).toEqual([]);
  });

  test('the zoomed charts of a group show the same time', async () => {
    const tab = await browser.open(address, DESK);
    const pixels = (id: string) =>
      tab.evaluate<string>(`document.querySelector('#${id} canvas').toDataURL()`);
    const before = await pixels('chart-half-open');
    const own = await pixels('chart-cwnd-1');
    const { left, top, width, height } = await areaOf(tab, 'chart-refused');
    await tab.drag([left + width * 0.3, top + height / 2], [left + width * 0.6, top + height / 2]);
    expect(await pixels('chart-half-open')).not.toBe(before);
    expect(await pixels('chart-cwnd-1')).toBe(own);
  });

  test('values under the cursor', async () => {
    const tab = await browser.open(address, DESK);
    const { left, top, width, height } = await areaOf(tab, 'chart-half-open');
    const [x, y] = [left + width / 2, top + height / 2];
    await tab.send('Input.dispatchMouseEvent', { type: 'mouseMoved', x, y });
    await tab.settle();
    const values = await tab.evaluate<string[]>(
      `[...document.querySelectorAll('#chart-half-open .u-value')].map(({ textContent }) => textContent)`,
    );
    expect(values[0]).toMatch(/^2026-09-21 14:13:\d\d\.123$/);
    expect(values.slice(1).every((value) => /^[\d\u202f]+$/.test(value))).toBe(true);
  });

  test('dark as the system is, and by the button', async () => {
    const tab = await browser.open(address, { ...DESK, dark: true });
    const background = 'getComputedStyle(document.body).backgroundColor';
    const pixels = `document.querySelector('#chart-half-open canvas').toDataURL()`;
    expect(await tab.evaluate(background)).toBe('rgb(20, 23, 26)');
    const dark = await tab.evaluate(pixels);
    await tab.evaluate(`document.getElementById('theme').click()`);
    await tab.settle();
    expect(await tab.evaluate(background)).toBe('rgb(255, 255, 255)');
    expect(await tab.evaluate(pixels)).not.toBe(dark);
    await tab.evaluate(`document.getElementById('theme').click()`);
    await tab.settle();
    expect(await tab.evaluate(background)).toBe('rgb(20, 23, 26)');
    expect(await tab.evaluate(pixels)).toBe(dark);
    await tab.look(DESK);
    await tab.settle();
    // The user has chosen, so the system's setting no longer applies.
    expect(await tab.evaluate(background)).toBe('rgb(20, 23, 26)');
    expect(tab.complaints).toEqual([]);
  });

  test.each([DESK, PHONE])('nothing is wider than a window of $width pixels', async (size) => {
    const tab = await browser.open(address, size);
    const [page, window, charts] = await tab.evaluate<[number, number, number[]]>(
      `[document.documentElement.scrollWidth, innerWidth,
        [...document.querySelectorAll('.chart canvas')].map((canvas) => canvas.getBoundingClientRect().right)]`,
    );
    expect(page).toBe(size.width);
    expect(window).toBe(size.width);
    expect(Math.max(...charts)).toBeLessThanOrEqual(size.width);
  });

  test('a window that becomes narrower takes its charts with it', async () => {
    const tab = await browser.open(address, DESK);
    await tab.look({ ...PHONE, width: 700 });
    await tab.settle();
    const widths = await tab.evaluate<number[]>(
      `[...document.querySelectorAll('.chart')].map((chart) => chart.querySelector('canvas').clientWidth - chart.clientWidth)`,
    );
    expect(new Set(widths)).toEqual(new Set([0]));
  });

  test('on paper', async () => {
    const tab = await browser.open(address, { ...DESK, dark: true });
    expect((await tab.pdf()).subarray(0, 5).toString()).toBe('%PDF-');
    expect(await tab.evaluate('document.documentElement.className')).toBe('');
    expect(tab.complaints).toEqual([]);
  });

  test('a hostile capture is text, and the charts are drawn all the same', async () => {
    const tab = await browser.open(await pageOf('hostile.log', hostile()), DESK);
    expect(await tab.evaluate(`document.querySelectorAll('img, script').length`)).toBe(4);
    const charts = await tab.evaluate<[string, number][]>(COLOURS);
    expect(charts.map(([id]) => id)).toContain('chart-half-open');
    expect(charts.filter(([, colours]) => colours <= 3)).toEqual([]);
    expect(tab.complaints).toEqual([]);
  });

  test('a single sample', async () => {
    const text = `# tcpsynq 1\n${sampleLine(1, '10.0.0.1:80 10.0.0.2:1', 7, 7, 7)}\n`;
    const tab = await browser.open(await pageOf('single.log', text), DESK);
    const charts = await tab.evaluate<[string, number][]>(COLOURS);
    expect(charts.map(([id, colours]) => [id, colours > 3])).toEqual([
      ['chart-cwnd-1', true],
      ['chart-srtt-1', true],
    ]);
    expect(tab.complaints).toEqual([]);
  });

  test('a log of tcp_probe: seconds as they were recorded', async () => {
    const lines = Array.from({ length: 50 }, (_, i) =>
      probeLine(11 + i / 1e5, '10.0.0.1:5001 10.0.1.2:41001', 10 + i, 168, 143),
    );
    const tab = await browser.open(await pageOf('probe.log', `${lines.join('\n')}\n`), DESK);
    expect(await tab.evaluate<string>(SHOWN)).toBe('11 s to 11.00049 s');
    const charts = await tab.evaluate<[string, number][]>(COLOURS);
    expect(charts.every(([, colours]) => colours > 3)).toBe(true);
    expect(tab.complaints).toEqual([]);
  });
});

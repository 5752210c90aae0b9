import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { countLine, manySamples, sampleLine } from '../capture.js';
import { run, start } from '../command.js';
import { chartOf, dataOf, textOf, valuesOf } from './page.js';

// Reports of up to a million records. Reading such an input takes the command seconds.

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tcpsynq-report-'));
});

afterAll(() => rm(folder, { recursive: true }));

describe('a page that stays small', () => {
  test('of a million samples: 2 MB, 4000 points a line, every extreme', async () => {
    const started = start(['report', '-', '-o', join(folder, 'many.html')]);
    for (const piece of manySamples(1_000_000, 3)) {
      if (started.child.stdin?.write(piece) === false) {
        await new Promise((resolve) => started.child.stdin?.once('drain', resolve));
      }
    }
    started.child.stdin?.end();
    const { stderr, code } = await started.ended();
    expect(stderr).toMatch(/^tcpsynq: 1000 counts, 1000000 samples in /);
    expect(code).toBe(0);
    const page = await readFile(join(folder, 'many.html'), 'utf8');
    expect(Buffer.byteLength(page)).toBeLessThanOrEqual(2 * 1024 * 1024);
    const charts = dataOf(page).charts.filter((chart) => chart.kind !== 'bars');
    expect(charts.length).toBe(7);
    for (const { steps, series } of charts) {
      expect(steps.length).toBeLessThanOrEqual(4000);
      for (const { values } of series) {
        expect(values.length).toBe(steps.length);
      }
    }
    // Samples 333,333 and 666,666 are both of the first connection.
    const cwnd = valuesOf(chartOf(page, 'chart-cwnd-1'), 'cwnd');
    expect(cwnd.length).toBeGreaterThan(1000);
    expect([Math.min(...cwnd), Math.max(...cwnd)]).toEqual([1, 99_999]);
    expect(textOf(page, 'connections')).toMatch(
      /Points: \d+ of 333334: of each [\d.]+ s those with the least and the greatest cwnd/,
    );
    expect(Math.max(...valuesOf(chartOf(page, 'chart-half-open'), 'half-open'))).toBe(54_321);
  }, 120_000);

  test('of many connections, many epochs, and figures as long as they can be', async () => {
    const lines: string[] = [];
    for (let i = 0; i < 60_000; i += 1) {
      const ends = `10.0.0.1:5001 10.0.0.${1 + (i % 16)}:41000`;
      const [cwnd, srtt] = [1_000_000_000 + ((i * 7919) % 999_999_999), 3_000_000_000 + i];
      lines.push(sampleLine(i * 1000.123456, ends, cwnd, 2_000_000_000 - i, srtt, i % 16));
    }
    for (let i = 0; i < 8000; i += 1) {
      const n = 1_000_000_000 * i + ((i * 7919) % 999_999_999);
      const figures = {
        half_open: n,
        peak: n + 1,
        added: n,
        completed: n,
        expired: 2 * n,
        reset: n,
      };
      const more = {
        unreachable: n,
        closed: n,
        other: n,
        cookies: n,
        cookies_ok: n,
        queue_full: n,
      };
      lines.push(
        `${i % 100 === 0 ? '# tcpsynq 1\n' : ''}${countLine(i, { ...figures, ...more, accept_full: n })}`,
      );
    }
    const file = join(folder, 'run.log');
    await writeFile(file, `${lines.join('\n')}\n`);
    const page = (await run(['report', '-o', '-', '--connections', '16', file])).stdout;
    expect(Buffer.byteLength(page)).toBeLessThanOrEqual(2 * 1024 * 1024);
    for (const chart of dataOf(page).charts) {
      expect(chart.kind === 'bars' || chart.steps.length).toBeLessThanOrEqual(4000);
    }
  }, 60_000);
});

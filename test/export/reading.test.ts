import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { expose, textOf } from '../../src/export/exposition.js';
import { HostReader, type HostReading, type ReadingOptions } from '../../src/export/reading.js';
import { addProcess, enter, loadInto, namespaceOf, plainInto, unloadFrom } from '../proc.js';

let directory: string;
let net: string;
let told: string[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tcpsynq-'));
  net = join(directory, 'self', 'net');
  told = [];
});

afterEach(() => rm(directory, { recursive: true }));

function reader(wanted: Partial<ReadingOptions> = {}): HostReader {
  const all = { input: 'auto', namespace: namespaceOf(net, '1'), most: null, proc: directory };
  return new HostReader({ ...all, ...wanted } as ReadingOptions, (text) => told.push(text));
}

describe('one namespace', () => {
  test('the module: figures, queues, status, and how far they agree', async () => {
    await loadInto(net, { half_open: 7, added: 9 }, [{ local: '0.0.0.0:80', qlen: 5 }]);
    expect(await reader().read()).toMatchObject({
      source: 'module',
      up: true,
      status: { version: '0.1.0', exact: true },
      namespaces: [
        {
          netns: '1',
          figures: { half_open: 7, added: 9 },
          listeners: [{ local: '0.0.0.0:80', qlen: 5 }],
          drift: 2,
        },
      ],
      others: null,
    });
    expect(told).toEqual([]);
  });

  test('no module: what the kernel shows, and one line about it', async () => {
    await plainInto(net);
    const one = reader();
    await one.read();
    expect(await one.read()).toMatchObject({
      source: 'proc',
      up: true,
      status: null,
      namespaces: [
        {
          figures: { half_open: 0, cookies: 11, queue_full: 16, listen_drops: 15 },
          listeners: null,
          drift: null,
        },
      ],
    });
    expect(told).toEqual([expect.stringMatching(/^the tcpsynq module is not loaded .*not known/)]);
  });

  test('a reload: not up, nothing else in its place, then up again with counters from 0', async () => {
    await plainInto(net);
    await loadInto(net, { added: 9 });
    const one = reader();
    expect(await one.read()).toMatchObject({ source: 'module', up: true });
    await unloadFrom(net);
    for (let i = 0; i < 2; i += 1) {
      const gone = await one.read();
      expect(gone).toMatchObject({ source: 'module', up: false, status: null, namespaces: [] });
      const text = await expose(gone, 0, { listenersTop: 1, version: 'v' }).text();
      expect(text).toContain('\ntcpsynq_up 0\n');
      expect(text).not.toContain('half_open');
    }
    await loadInto(net, { added: 1 });
    expect(await one.read()).toMatchObject({ up: true, namespaces: [{ figures: { added: 1 } }] });
    expect(told).toEqual([
      expect.stringContaining('the tcpsynq module is not loaded'),
      'the figures can be read again',
    ]);
  });

  test('an empty file counts as missing', async () => {
    await loadInto(net);
    await writeFile(join(net, 'stat', 'tcpsynq'), '');
    expect(await reader().read()).toMatchObject({ source: 'module', up: false });
    expect(told).toEqual([expect.stringContaining('no rows')]);
  });

  describe('every scrape has tcpsynq_up', () => {
    const FILES = ['stat/tcpsynq', 'tcpsynq_listeners', 'tcpsynq_status'];
    const scrape = async (one: HostReader) => {
      const shown = { listenersTop: 1, version: 'v' };
      return textOf(
        await one.read(),
        0,
        shown,
        () => {},
        (text) => told.push(text),
      );
    };
    const up = (value: 0 | 1) => new RegExp(`^tcpsynq_up ${value}$`, 'm');

    test.each(FILES)('%s is gone, empty, or cut anywhere', async (name) => {
      await loadInto(net, { half_open: 1, added: 2 }, [{ local: '0.0.0.0:80', qlen: 1 }]);
      const one = reader();
      expect(await scrape(one)).toMatch(up(1));
      const whole = await readFile(join(net, name), 'utf8');
      for (let end = 0; end < whole.length; end += 1) {
        await writeFile(join(net, name), whole.slice(0, end));
        expect(await scrape(one)).toMatch(/^tcpsynq_up [01]$/m);
      }
      await rm(join(net, name));
      expect(await scrape(one)).toMatch(up(0));
    });

    test.each(['accept_full', 'queue_full', 'cookies_bad', 'added', 'missed'])(
      '%s is below 0 for a moment',
      async (name) => {
        await loadInto(net, { half_open: 1, [name]: -1 });
        const text = await scrape(reader());
        expect(text).toMatch(up(1));
        expect(text).toMatch(/^tcpsynq_half_open\{netns="1"\} 1$/m);
        expect(text).not.toMatch(/^tcpsynq_\w+_total.* -/m);
      },
    );

    test('files come and go while it reads', async () => {
      await loadInto(net, { half_open: 1 });
      const one = reader();
      await scrape(one);
      let over = false;
      const reloads = (async () => {
        while (!over) {
          await unloadFrom(net);
          await loadInto(net, { half_open: 1, accept_full: -1 });
        }
      })();
      for (let i = 0; i < 300; i += 1) {
        expect(await scrape(one)).toMatch(/^tcpsynq_up [01]$/m);
      }
      over = true;
      await reloads;
      expect(await scrape(one)).toMatch(up(1));
    });

    test('a bug in the reader or the exposition', async () => {
      const broken = {
        ...namespaceOf(net, '1'),
        get net(): string {
          throw new TypeError('no');
        },
      };
      expect(await scrape(reader({ namespace: broken, input: 'module' }))).toMatch(up(0));
      expect(told).toEqual([expect.stringMatching(/^internal error: TypeError: no/)]);
      const odd = {
        ...(await reader().read()),
        up: true,
        namespaces: [null],
      } as unknown as HostReading;
      const shown = { listenersTop: 1, version: 'v' };
      expect(
        await textOf(
          odd,
          0,
          shown,
          () => {},
          () => {},
        ),
      ).toMatch(up(0));
    });
  });

  test.each(['module', 'proc'] as const)(
    '%s of a process whose id another one has taken: not up, and one line says so',
    async (input) => {
      const taken = await addProcess(directory, 10, 1000);
      await plainInto(taken);
      await loadInto(taken);
      const namespace = { ...namespaceOf(taken, '1000'), pid: 10 };
      const one = reader({ input, namespace });
      expect(await one.read()).toMatchObject({ up: true });
      told = [];
      await enter(directory, 10, 1001);
      expect(await one.read()).toMatchObject({ up: false, namespaces: [] });
      expect(await one.read()).toMatchObject({ up: false });
      expect(told).toEqual(['process 10, which showed the network namespace, has ended']);
    },
  );

  test('a module that comes later is read from then on', async () => {
    await plainInto(net);
    const one = reader();
    expect(await one.read()).toMatchObject({ source: 'proc' });
    await loadInto(net);
    expect(await one.read()).toMatchObject({ source: 'module', up: true });
    await unloadFrom(net);
    expect(await one.read()).toMatchObject({ source: 'module', up: false });
    expect(told[1]).toBe('the module has been loaded: reading it from now on');
  });

  test('-i module waits for it, -i proc never reads it', async () => {
    await plainInto(net);
    expect(await reader({ input: 'module' }).read()).toMatchObject({ up: false });
    await loadInto(net);
    expect(await reader({ input: 'proc' }).read()).toMatchObject({ source: 'proc', up: true });
  });
});

describe('all namespaces', () => {
  test('its own, then those with the most half-opens, up to a limit', async () => {
    await loadInto(net, { half_open: 0 });
    // The exporter itself, and another process in the same namespace.
    await addProcess(directory, 5, 1);
    await addProcess(directory, 6, 1);
    for (const [pid, half_open] of [
      [10, 3],
      [11, 0],
      [12, 70],
      [13, 3],
    ] as const) {
      const own = await addProcess(directory, pid, 1000 - pid);
      await loadInto(own, { half_open }, [{ local: '0.0.0.0:80', qlen: half_open }]);
    }
    const netns = async (most: number) => {
      const { namespaces, others } = await reader({ most }).read();
      return [namespaces.map((one) => one.netns), others];
    };
    expect(await netns(100)).toEqual([
      ['1', '988', '987', '990', '989'],
      { leftOut: 0, hidden: 0 },
    ]);
    expect(await netns(3)).toEqual([['1', '988', '987'], { leftOut: 2, hidden: 0 }]);
    expect(await netns(1)).toEqual([['1'], { leftOut: 4, hidden: 0 }]);
  });

  test('one whose process ends meanwhile is left out, the rest is there', async () => {
    await loadInto(net);
    await loadInto(await addProcess(directory, 10, 1000));
    // A process without files, as if it had ended.
    await addProcess(directory, 11, 1001);
    const { up, namespaces, others } = await reader({ most: 10 }).read();
    expect([up, namespaces.map((one) => one.netns)]).toEqual([true, ['1', '1000']]);
    expect(others).toEqual({ leftOut: 1, hidden: 0 });
  });

  test('one that ends between its figures and its queues is left out, and counted as such', async () => {
    await loadInto(net);
    await loadInto(await addProcess(directory, 10, 1000));
    const ending = await addProcess(directory, 11, 1001);
    await loadInto(ending);
    await rm(join(ending, 'tcpsynq_listeners'));
    const { namespaces, others } = await reader({ most: 10 }).read();
    expect(namespaces.map((one) => one.netns)).toEqual(['1', '1000']);
    expect(others).toEqual({ leftOut: 1, hidden: 0 });
  });
});

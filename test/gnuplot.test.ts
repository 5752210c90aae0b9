import { execFile, execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { NO_SSTHRESH, probeLine, sawtooth, transfers } from './capture.js';
import { CLI, run, Started } from './command.js';
import { eventually } from './eventually.js';

// Rows of test/terminal.md on `plot` that need the real gnuplot, which is slow.

const PNG = Buffer.from('\u0089PNG\r\n\u001a\n', 'latin1');
const ENDS = '192.0.2.1:8089 192.0.2.25:54320';

let directory: string;
let made = 0;
/** An empty folder for each test. */
let folder: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tcpsynq-plot-'));
});

beforeEach(async () => {
  made += 1;
  folder = join(directory, String(made));
  await mkdir(folder);
});

afterAll(() => rm(directory, { recursive: true }));

async function put(name: string, content: string | Buffer): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

/** Run gnuplot without tcpsynq, as a user does who has only the files. */
function gnuplot(...args: string[]) {
  // Without a UTF-8 locale, gnuplot warns that it cannot convert a degree sign.
  const env = { ...process.env, LC_ALL: 'C.UTF-8' };
  return promisify(execFile)('gnuplot', ['-d', ...args], { cwd: '/', env });
}

/** Return the rows of a table, without its comments. */
async function rows(name: string): Promise<string[][]> {
  const text = await readFile(join(folder, name), 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(' '));
}

describe('a name that gnuplot would treat as a command', () => {
  test.each(['<touch pwned;#', '|touch pwned;#', '-e', "it's $(touch pwned)"])(
    'is a file name here: %s',
    async (name) => {
      await put(`${name}.log`, transfers(1, 5));
      const plot = (...args: string[]) =>
        promisify(execFile)(process.execPath, [CLI, 'plot', ...args], { cwd: folder });
      await plot('--', `${name}.log`);
      const files = await readdir(folder);
      expect(files).toContain(`${name}.png`);
      const png = await readFile(join(folder, `${name}.png`));
      expect(png.subarray(0, PNG.length)).toEqual(PNG);
      // Run the script alone, as docs/traces.md describes.
      if (name.startsWith('|')) {
        await promisify(execFile)('gnuplot', ['-d', `${name}.gp`], { cwd: folder });
      }
      expect(await readdir(folder)).not.toContain('pwned');
    },
  );

  test('a folder with control characters is refused', async () => {
    const file = await put('run.log', transfers(1, 5));
    const { stderr, code } = await run(['plot', file, '-o', `${folder}/a\nsystem('x')/b`]);
    expect(stderr).toMatch(/-o takes the start of a file name, without control characters/);
    expect(code).toBe(2);
  });
});

test.runIf(process.getuid?.() === 0)(
  'others who swap the script and the draft of the picture change nothing',
  async () => {
    const file = await put('run.log', transfers(2, 20));
    const shared = join(folder, 'shared');
    await mkdir(shared);
    await Promise.all([chmod(directory, 0o755), chmod(folder, 0o755), chmod(shared, 0o777)]);
    await writeFile(join(folder, 'victim'), 'precious', { mode: 0o600 });
    // Replace scripts with another script, data files with pipes, and picture drafts with links.
    const swap = `
use POSIX;
chdir '${shared}';
open F, '>evil'; print F "# tcpsynq plot\\nsystem('touch ${shared}/pwned')\\n"; close F;
my $mine = (stat 'evil')[1];
my $end = time + 20;
while (time < $end && !-e 'done') {
  opendir D, '.';
  for my $name (readdir D) {
    if ($name eq 'x.gp' && (stat $name)[1] != $mine) { link 'evil', 'e2'; rename 'e2', $name }
    if ($name =~ /^x-[0-9].dat$/ && !-p $name) { POSIX::mkfifo('p', 0666); rename 'p', $name }
    if ($name =~ /^.x.png./ && !-l $name) { symlink '${folder}/victim', 'l'; rename 'l', $name }
  }
}`;
    const attacker = new Started('setpriv', [
      ...['--reuid', '65534', '--regid', '65534', '--clear-groups'],
      ...['perl', '-e', swap],
    ]);
    await eventually(
      () => `the attacker ${attacker.stderr}`,
      () => existsSync(join(shared, 'evil')),
    );
    for (let i = 0; i < 3; i += 1) {
      await run(['plot', file, '-o', join(shared, 'x'), '--force']);
    }
    await writeFile(join(shared, 'done'), '');
    await attacker.ended();
    expect(await readFile(join(folder, 'victim'), 'utf8')).toBe('precious');
    expect(await readdir(shared)).not.toContain('pwned');
  },
);

test('a pipe where a file should be is not waited for', async () => {
  const file = await put('run.log', transfers(1, 5));
  execFileSync('mkfifo', [join(folder, 'run.gp')]);
  const { stderr, code } = await run(['plot', file]);
  expect(stderr).toMatch(/run\.gp is there already/);
  expect(code).toBe(1);
});

describe('plot', () => {
  test('a capture: picture, script and data, all usable without tcpsynq', async () => {
    const file = await put('run.log', transfers(2, 20));
    const { stdout, stderr, code } = await run(['plot', file]);
    const names = ['run.png', 'run.gp', 'run-1.dat', 'run-2.dat', 'run-half-open.dat'];
    expect(stdout.trimEnd().split('\n')).toEqual(names.map((name) => join(folder, name)));
    expect(stderr).toBe('tcpsynq: 3002 samples of 2 connections and 21 counts in 20 s\n');
    expect(code).toBe(0);
    const picture = await readFile(join(folder, 'run.png'));
    expect(picture.subarray(0, PNG.length)).toEqual(PNG);
    expect(picture.length).toBeGreaterThan(10_000);

    const script = await readFile(join(folder, 'run.gp'), 'utf8');
    expect(script).toMatch(/^# tcpsynq plot: .*gnuplot run\.gp\n/);
    expect(script).not.toContain(folder);
    for (const label of ['cwnd, ssthresh (segments)', 'srtt (ms)', 'half-open (connections)']) {
      expect(script).toContain(`set ylabel '${label}'`);
    }
    expect(script).toContain("title '10.0.0.1:5001 → 10.0.1.2:41001'");
    expect(script).toContain("'time (s) since 2026-09-21 14:13:20.500 UTC'");
    await rm(join(folder, 'run.png'));
    const alone = await gnuplot(join(folder, 'run.gp'));
    expect(alone).toEqual({ stdout: '', stderr: '' });
    expect(await readFile(join(folder, 'run.png'))).toEqual(picture);
  });

  test('the data: plain columns with their units, every sample if there are not too many', async () => {
    const file = await put('run.log', transfers(1, 20));
    await run(['plot', file]);
    const text = await readFile(join(folder, 'run-1.dat'), 'utf8');
    expect(text.split('\n')[1]).toBe('# time_s snd_cwnd_segments ssthresh_segments srtt_ms');
    const expected = sawtooth(20, 0.01, 35).map(({ time, cwnd, ssthresh, srtt }) => [
      time.toFixed(9),
      String(cwnd),
      ssthresh === NO_SSTHRESH ? 'NaN' : String(ssthresh),
      String(srtt / 1000),
    ]);
    expect(await rows('run-1.dat')).toEqual(expected);
    const counts = await rows('run-half-open.dat');
    expect(counts).toHaveLength(21);
    expect(counts[7]?.slice(0, 5)).toEqual(['7.000000000', '2', '5', '10', '10']);
  });

  test('a long one is downsampled: every peak and dip stays, and a line reports it', async () => {
    const samples = sawtooth(600, 0.01, 40);
    const lines = samples.map(({ time, cwnd, ssthresh }, i) =>
      probeLine(time, ENDS, i === 31_234 ? 1 : i === 44_321 ? 999 : cwnd, ssthresh, 50),
    );
    const file = await put('run.log', `${lines.join('\n')}\n`);
    await run(['plot', file]);
    const cwnds = (await rows('run-1.dat')).map(([, cwnd]) => Number(cwnd));
    expect(cwnds.length).toBeLessThanOrEqual(10_000);
    expect([Math.min(...cwnds), Math.max(...cwnds)]).toEqual([1, 999]);
    expect(cwnds.filter((cwnd) => cwnd === 40).length).toBeGreaterThan(1000);
    expect(await readFile(join(folder, 'run-1.dat'), 'utf8')).toMatch(
      /^# tcpsynq plot: .*: \d+ of 60001: of each 0\.\d+ s those with the least and the greatest/,
    );
  });

  test('svg, gzip, stdin, -o, --json', async () => {
    const text = transfers(1, 5);
    const file = await put('run.log.gz', gzipSync(text));
    const { stdout } = await run(['plot', file, '--format', 'svg', '--json']);
    expect(JSON.parse(stdout)).toEqual({
      event: 'plot',
      picture: join(folder, 'run.svg'),
      script: join(folder, 'run.gp'),
      data: [join(folder, 'run-1.dat'), join(folder, 'run-half-open.dat')],
      connections: [{ local: '10.0.0.1:5001', remote: '10.0.1.2:41001', samples: 501 }],
    });
    expect(await readFile(join(folder, 'run.svg'), 'utf8')).toContain('10.0.1.2:41001');
    const base = join(folder, "it's");
    const piped = await run(['plot', '-', '-o', base], text);
    expect(piped).toMatchObject({ code: 0, stdout: expect.stringMatching(/it's\.png\n/) });
    const alone = await gnuplot(`${base}.gp`);
    expect(alone.stderr).toBe('');
  });

  test('counts only, one sample only: gnuplot does not complain', async () => {
    const counts = transfers(0, 10);
    const single = `${probeLine(3, ENDS, 10, NO_SSTHRESH, 0)}\n`;
    for (const [name, text] of [
      ['counts.log', counts],
      ['single.log', single],
    ] as const) {
      const file = await put(name, text);
      const { stderr, code } = await run(['plot', file]);
      expect(stderr).toMatch(/^tcpsynq: [^\n]*\n$/);
      expect(code).toBe(0);
      expect(await gnuplot(file.replace('.log', '.gp'))).toEqual({ stdout: '', stderr: '' });
    }
  });

  test('many connections: the busiest, the rest counted; or those chosen', async () => {
    const file = await put('run.log', transfers(5, 10));
    const { stderr } = await run(['plot', file, '--connections', '2']);
    expect(stderr).toMatch(/left out 3 connections with 786 samples/);
    const script = await readFile(join(folder, 'run.gp'), 'utf8');
    expect(script).toContain('the busiest 2 of 5 connections');
    expect(script.match(/title '10\.0\.0\.1:5001 → 10\.0\.[12]\.2:\d+'/g)).toHaveLength(2);
    for (const choice of [
      ['--port', '41004'],
      ['--addr', '10.0.4.0/24'],
      ['--connection', '10.0.4.2:41004,10.0.0.1:5001'],
    ]) {
      const { stdout } = await run(['plot', file, '--json', ...choice]);
      expect(JSON.parse(stdout).connections).toEqual([
        { local: '10.0.0.1:5001', remote: '10.0.4.2:41004', samples: 251 },
      ]);
    }
    // The data files of the other connections are gone.
    expect((await readdir(folder)).filter((name) => /-\d\.dat$/.test(name))).toEqual(['run-1.dat']);
    const none = await run(['plot', file, '--port', '1']);
    expect(none.stderr).toMatch(
      /^tcpsynq: none of the \d+ samples in .* is of a connection asked for\n$/,
    );
    expect(none.code).toBe(1);
  });

  test("an old log of tcp_probe's: srtt as recorded, until its unit is given", async () => {
    const lines = [10, 11, 11].map((cwnd, i) =>
      probeLine(11 + i / 1000, ENDS, cwnd, 168, 140 - i).replace(/ 65535$/, ''),
    );
    const file = await put('old.log', `${lines.join('\n')}\n`);
    expect((await run(['plot', file])).code).toBe(0);
    expect(await readFile(join(folder, 'old.gp'), 'utf8')).toContain("'srtt (as recorded)'");
    expect(await rows('old-1.dat')).toEqual([
      ['11.000000000', '10', '168', '140'],
      ['11.001000000', '11', '168', '139'],
      ['11.002000000', '11', '168', '138'],
    ]);
    expect((await run(['plot', file, '--srtt-unit', 'jiffies:250'])).code).toBe(0);
    expect(await readFile(join(folder, 'old.gp'), 'utf8')).toContain("'srtt (ms)'");
    expect((await rows('old-1.dat')).map(([, , , srtt]) => srtt)).toEqual(['560', '556', '552']);
  });

  test('both kinds of lines, without their unit', async () => {
    const file = await put('both.log', `${probeLine(1, ENDS, 1, 1, 1)}\n${transfers(1, 1)}`);
    const { stderr, code } = await run(['plot', file]);
    expect(stderr).toMatch(/^tcpsynq: it holds samples in microseconds and lines of tcp_probe: /);
    expect(code).toBe(1);
  });

  test('damaged lines are skipped and reported', async () => {
    const text = transfers(1, 5).replace('# S ', 'S 1.0 damaged\n\u0000\u0001\n# S ');
    const { stderr, code } = await run(['plot', await put('run.log', text)]);
    expect(stderr).toMatch(/\ntcpsynq: skipped line 5: .*, and 1 line more\n$/);
    expect(code).toBe(0);
    const hostile = probeLine(1, "$(reboot) 'x'`id`", 10, 20, 30);
    const refused = await run(['plot', await put('bad.log', `${hostile}\n`)]);
    expect(refused.stderr).toMatch(/holds no samples and no counts \(line 1: an end of the conn/);
    expect(refused.code).toBe(1);
  });

  test('gzip that is cut short: the readable part is drawn', async () => {
    const packed = gzipSync(transfers(2, 20));
    const file = await put('run.gz', packed.subarray(0, packed.length / 2));
    const { stdout, stderr, code } = await run(['plot', file]);
    expect(stdout).toMatch(/run\.png\n/);
    expect(stderr).toMatch(/gzip data is damaged or cut short.*\n$/);
    expect(code).toBe(1);
    expect((await readFile(join(folder, 'run.png'))).length).toBeGreaterThan(10_000);
  });

  test('never overwrites a file that it has not made', async () => {
    const file = await put('run.log', transfers(1, 5));
    for (const name of ['run.png', 'run.gp', 'run-1.dat', 'run-half-open.dat']) {
      const path = await put(name, 'mine\n');
      const { stderr, code } = await run(['plot', file]);
      expect(stderr).toBe(
        `tcpsynq: ${path} is there already: give another name with -o, or --force\n`,
      );
      expect(code).toBe(1);
      expect(await readFile(path, 'utf8')).toBe('mine\n');
      await rm(path);
    }
    await put('run.png', 'mine\n');
    expect((await run(['plot', file, '--force'])).code).toBe(0);
    expect((await run(['plot', file])).code).toBe(0);
    const itself = await put('data.gp', transfers(1, 5));
    const refused = await run(['plot', itself, '--force']);
    expect(refused.stderr).toMatch(/would be written over .*data\.gp itself/);
    expect(refused.code).toBe(2);
  });

  test('the signal that ends it at once ends gnuplot too', async () => {
    const file = await put('run.log', transfers(1, 5));
    await put('gnuplot', '#!/bin/sh\necho $$ >pid.new; mv pid.new pid; exec sleep 60\n');
    await chmod(join(folder, 'gnuplot'), 0o755);
    const env = `cd ${folder} && exec env PATH=${folder}:$PATH`;
    const started = new Started('sh', ['-c', `${env} ${process.execPath} ${CLI} plot ${file}`]);
    await eventually('gnuplot to start', () => existsSync(join(folder, 'pid')));
    const pid = (await readFile(join(folder, 'pid'), 'utf8')).trim();
    started.child.kill('SIGTERM');
    await eventually('the plot to end', () => {
      started.child.kill('SIGTERM');
      return started.child.signalCode === 'SIGTERM';
    });
    await eventually('gnuplot to end', () => !existsSync(`/proc/${pid}`));
  });

  test('without gnuplot: script and data are written', async () => {
    const file = await put('run.log', transfers(1, 5));
    const started = new Started(process.execPath, [CLI, 'plot', file], { PATH: folder });
    const { stdout, stderr, code } = await started.ended();
    expect(stdout).toBe('');
    expect(stderr).toBe(
      `tcpsynq: gnuplot is not installed: apt-get install gnuplot-nox, then draw it with: gnuplot ${join(folder, 'run.gp')}\n`,
    );
    expect(code).toBe(1);
    expect((await gnuplot(join(folder, 'run.gp'))).stderr).toBe('');
  });
});

test("the recipe for tcp_probe's logs in the Linux Foundation's wiki draws such lines unchanged", async () => {
  const lines = sawtooth(20, 0.01, 40).map(({ time, cwnd, ssthresh, srtt }) =>
    probeLine(time, ENDS, cwnd, ssthresh, srtt),
  );
  await put('data.out', `${lines.join('\n')}\n`);
  const recipe = `
set terminal png
set output "${folder}/cwnd.png"
plot "${folder}/data.out" using 1:7 with lines title "snd_cwnd", \\
     "${folder}/data.out" using ($1):($8>=2147483647 ? 0 : $8) with lines title "snd_ssthresh"
set output "${folder}/srtt.png"
plot "${folder}/data.out" using 1:10 with lines title "srtt"
`;
  const { stderr } = await gnuplot(await put('recipe.gp', recipe));
  expect(stderr).toBe('');
  for (const name of ['cwnd.png', 'srtt.png']) {
    expect((await readFile(join(folder, name))).length).toBeGreaterThan(2000);
  }
});

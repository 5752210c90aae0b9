import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { capture } from './capture.js';
import { CLI, onTerminal, Started } from './command.js';

// The command on a terminal of its own, on a host without the module: rows of test/terminal.md.
// Each test is named after its row.

let directory: string;
let file: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tcpsynq-'));
  file = join(directory, 'capture');
  await writeFile(file, capture(120, 65_536));
});

afterAll(() => rm(directory, { recursive: true }));

const ESCAPE = '\u001b';

describe.concurrent('terminal', () => {
  async function frame(columns: number, rows: number, env: NodeJS.ProcessEnv = {}) {
    const started = onTerminal(['watch', '-i', file], { columns, rows }, env);
    const lines = await started.press('', /half-open +0.*peak +65 536/s);
    const shown = started.stdout;
    started.child.stdin?.write('q');
    const { stdout, code } = await started.ended();
    return { lines, shown, stdout, code };
  }

  test.each([
    [40, 24],
    [80, 24],
    [200, 24],
    [40, 10],
    [80, 10],
  ])('%d columns, %d rows', async (columns, rows) => {
    const { lines, stdout, code } = await frame(columns, rows);
    expect(lines.length).toBeLessThanOrEqual(rows);
    expect(Math.max(...lines.map((line) => [...line].length))).toBeLessThanOrEqual(columns);
    const text = lines.join('\n');
    expect(text).toMatch(/┤ +╭/);
    expect(text).toMatch(/ 0 ┼/);
    expect(lines.at(-1)).toMatch(/q quit.*\+\/- span$/);
    expect(stdout).toMatch(/\?1049l/);
    expect(stdout).toMatch(/121 counts in 2 min: half-open 0, peak 65536/);
    expect(code).toBe(0);
  });

  test('gives cursor and screen back', async () => {
    const { stdout } = await frame(80, 24);
    for (const mode of ['?1049', '?25', '?7']) {
      const last = [...stdout.matchAll(new RegExp(`\\${mode}([hl])`, 'g'))].at(-1)?.[1];
      expect(mode + last).toBe(mode === '?1049' ? '?1049l' : `${mode}h`);
    }
  });

  test('colour', async () => {
    expect((await frame(80, 24)).shown).toContain(`${ESCAPE}[31m`);
  });

  test('NO_COLOR', async () => {
    const { shown } = await frame(80, 24, { NO_COLOR: '1' });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escape codes are what is looked for
    expect(shown).not.toMatch(/\u001b\[[0-9;]*m/);
    expect(shown).toMatch(/┤ +╭/);
  });

  test('TERM=dumb', async () => {
    for (const args of [['watch'], ['watch', '--spark']]) {
      const started = onTerminal(
        [...args, '-i', file, '-n', '5'],
        { columns: 40, rows: 10 },
        { TERM: 'dumb' },
      );
      const { stdout, code } = await started.ended();
      expect(stdout).not.toContain(ESCAPE);
      const lines = stdout.trimEnd().split('\r\n');
      expect(lines.filter((line) => !line.startsWith('tcpsynq:')).length).toBe(
        args.length === 1 ? 6 : 5,
      );
      const widths = lines
        .filter((line) => !line.startsWith('tcpsynq:'))
        .map((line) => line.length);
      expect(Math.max(...widths)).toBeLessThanOrEqual(40);
      expect(code).toBe(0);
    }
  });

  test('--spark', async () => {
    const started = onTerminal(['watch', '--spark', '-i', file], { columns: 40, rows: 10 });
    const { stdout, code } = await started.ended();
    const last = stdout.split('\r\n')[0]?.split('\r').at(-1)?.replace(`${ESCAPE}[K`, '') ?? '';
    expect(last).toMatch(/^half-open 0 [▁▂▃▄▅▆▇█]+ peak 65 536$/);
    expect([...last].length).toBeLessThan(40);
    expect(code).toBe(0);
  });

  test('keys', async () => {
    const started = onTerminal(['watch', '-i', file], { columns: 80, rows: 24 });
    await started.press('', /end/);
    await started.press('-', /-60 s/);
    await started.press('-', /-30 s/);
    await started.press('+', /-60 s/);
    await started.press('p', /PAUSED/);
    await started.press('p', /p pause/);
    started.child.stdin?.write('q');
    expect((await started.ended()).code).toBe(0);
  });

  test('Ctrl-C', async () => {
    const started = onTerminal(['watch'], { columns: 80, rows: 24 });
    await started.until(/\?2026l/);
    started.child.stdin?.write('\u0003');
    const { stdout, code } = await started.ended();
    expect(stdout.slice(stdout.lastIndexOf('?1049l'))).toMatch(/tcpsynq: \d+ counts?/);
    expect(code).toBe(0);
  });

  test('Ctrl-Z, fg', async () => {
    const shell = new Started('script', ['--quiet', '--command', 'bash --norc -i', '/dev/null'], {
      TERM: 'xterm-256color',
      T: `${process.execPath} ${CLI}`,
    });
    const type = async (keys: string, shows: RegExp) => {
      shell.stdout = '';
      shell.child.stdin?.write(keys);
      await shell.until(shows);
    };
    await shell.until(/bash-\S+ /);
    await type('$T watch\n', /\?1049h.*half-open/s);
    await type('\u001a', /\?1049l.*Stopped.*bash-\S+ /s);
    await type('fg\n', /\?1049h.*half-open/s);
    await type('q', /\?1049l.*counts? in.*bash-\S+ /s);
    shell.child.stdin?.write('exit\n');
    expect((await shell.ended()).code).toBe(0);
  });

  test('figures are grouped, with their meaning', async () => {
    const started = onTerminal(['count', '-i', file], { columns: 80, rows: 24 });
    const { stdout, code } = await started.ended();
    expect(stdout).toMatch(/added +65 536 {2}became half-open/);
    expect(stdout.split('\r\n').every((line) => line.length <= 80)).toBe(true);
    expect(code).toBe(0);
  });

  test.each([40, 80, 200])('diagnose on %i columns', async (columns) => {
    const started = onTerminal(['diagnose', '-i', file], { columns, rows: 24 });
    const { stdout, code } = await started.ended();
    const lines = stripVTControlCharacters(stdout).trimEnd().split(/\r+\n/);
    expect(lines[0]).toBe('FLOOD');
    for (const line of lines) {
      expect(line.length).toBeLessThanOrEqual(columns);
    }
    expect(code).toBe(0);
  });
});

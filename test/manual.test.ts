import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { run } from './command.js';

const COMMAND = 'dist/man/tcpsynq.1';
const MODULE = 'man/tcpsynq.4';

function mandoc(...args: string[]) {
  return promisify(execFile)('mandoc', args);
}

/** Return a page as plain text. */
async function shown(page: string, width: number): Promise<string> {
  const { stdout } = await mandoc('-T', 'utf8', '-O', `width=${width}`, page);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: bold is a character twice, a backspace between
  return stdout.replaceAll(/.\u0008/g, '');
}

/** Return a page as plain text, with one space for each run of blanks and line ends. */
async function read(page: string): Promise<string> {
  return (await shown(page, 400)).replaceAll(/\s+/g, ' ');
}

test.each([COMMAND, MODULE])('%s has no mistake that mandoc sees', async (page) => {
  const { stdout } = await mandoc('-T', 'lint', '-W', 'warning', page);
  expect(stdout).toBe('');
});

test.each([
  [COMMAND, 80],
  [COMMAND, 60],
  [MODULE, 80],
  [MODULE, 60],
])('%s fits %i columns', async (page, width) => {
  const long = (await shown(page, width)).split('\n').filter((line) => line.length > width);
  expect(long).toEqual([]);
});

describe('tcpsynq(1) says what --help says', async () => {
  const { stdout } = await run(['--help']);
  const [, list = ''] = stdout.split('\nWhat is wrong:\n');
  const commands = [...list.matchAll(/^ {2}([a-z]+)/gm)].map(([, name]) => name as string);
  const paths = commands
    .filter((name) => name !== 'help' && name !== 'module')
    .concat('', 'module install', 'module remove');

  test.each(paths)('tcpsynq %s', async (path) => {
    const page = await read(COMMAND);
    const help = await run([...path.split(' ').filter((word) => word !== ''), '--help']);
    const [own = ''] = help.stdout.split(/\n(?:What is wrong|Global Options):\n/);
    const [, list = ''] = own.split('\nOptions:\n');
    const options = list.split(/\n(?= {2}-)/).map((one) =>
      one
        .trim()
        .replaceAll(/\s+/g, ' ')
        .replaceAll(/ \[(\w+)\]/g, '[=$1]')
        .replaceAll(/<([^>]+)>/g, '$1'),
    );
    expect(options.length).toBeGreaterThan(0);
    for (const option of options.filter((one) => path === '' || !one.startsWith('-h, '))) {
      expect(page).toContain(option);
    }
  });
});

test('tcpsynq(4) has every parameter of the module', async () => {
  const sources = readdirSync('kmod').filter((name) => name.endsWith('.c') || name === 'schema.h');
  const text = sources.map((name) => readFileSync(`kmod/${name}`, 'utf8')).join('\n');
  const parameters = [...text.matchAll(/(?:^MODULE_PARM_DESC|\bKEY)\((\w+),/gm)].map(
    ([, name]) => name,
  );
  expect(parameters.length).toBe(16);
  const page = await read(MODULE);
  for (const parameter of parameters) {
    expect(page).toContain(` ${parameter}=`);
  }
});

test.each(['docs/install.md', 'man/tcpsynq.4'])('%s says what gid= gives away', (file) => {
  const text = readFileSync(file, 'utf8').replaceAll(/\s+/g, ' ');
  expect(text).toMatch(/can (then )?read sequence numbers .*windows.* of everybody's connections/);
});

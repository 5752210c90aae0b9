import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SHELLS, type Shell } from '../../src/completion/shells.js';
import { run, Started } from '../command.js';

// Each real shell is asked, with the script it was given and two files to find.

let directory: string;

const path = (name: string) => join(directory, name);

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tcpsynq-completion-'));
  for (const shell of SHELLS) {
    await writeFile(path(shell), (await run(['completion', shell])).stdout);
  }
  await writeFile(path('flood.gz'), '');
  await writeFile(path('flood 2'), '');
});

afterAll(() => rm(directory, { recursive: true }));

async function said(file: string, ...args: readonly string[]): Promise<string[]> {
  const started = new Started('env', ['-C', directory, file, ...args], { HOME: directory });
  started.child.stdin?.end();
  const { stdout, stderr } = await started.ended();
  expect(stderr).toBe('');
  return stdout.split('\n').filter((line) => line !== '');
}

/** What each shell completes the last word of a line to. */
const ASK: Readonly<Record<Shell, (line: string) => Promise<string[]>>> = {
  // readline hands over the words like this; whether it is to look for files is what compopt says.
  bash: (line) =>
    said(
      'bash',
      '--norc',
      '-uc',
      `source ./bash
      compopt() { case $* in *default) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;; esac }
      COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
      _tcpsynq
      printf '%s\\n' "\${COMPREPLY[@]}"`,
      'bash',
      ...line.replaceAll('=', ' = ').replace(/ = $/, ' =').split(' '),
    ),
  zsh: async (line) => {
    const out = path(`zsh-${Math.random()}`);
    await said(
      'zsh',
      '-f',
      fileURLToPath(new URL('zsh-asks', import.meta.url)),
      './zsh',
      out,
      line,
    );
    const matches = (await readFile(out, 'utf8')).split('\n');
    return matches.filter((one) => one !== '' && one !== 'END');
  },
  fish: async (line) => {
    const lines = await said('fish', '--no-config', '-c', `source ./fish; complete -C '${line}'`);
    return lines.map((one) => one.replace(/\t.*/, '').replace(/^--[a-z]+=/, ''));
  },
};

describe.each(SHELLS)('%s', (shell) => {
  test.each([
    ['tcpsynq wa', ['watch']],
    ['tcpsynq c', ['capture', 'closes', 'completion', 'count']],
    ['tcpsynq watch --sp', ['--spark', '--speed']],
    ['tcpsynq -i x wa', ['watch']],
    ['tcpsynq --netns watch watch --in', ['--input', '--interval']],
    ['tcpsynq plot --format ', ['png', 'svg']],
    ['tcpsynq plot --format=s', ['svg']],
    ['tcpsynq capture --compress=', ['gzip', 'zstd']],
    ['tcpsynq closes --by r', ['remote']],
    ['tcpsynq closes --by st', ['state']],
    ['tcpsynq module ', ['help', 'install', 'remove']],
    ['tcpsynq module install --', ['--help']],
    ['tcpsynq completion ', ['bash', 'fish', 'zsh']],
    ['tcpsynq help di', ['diagnose']],
    ['tcpsynq plot floo', ['flood 2', 'flood.gz']],
    ['tcpsynq report -o floo', ['flood 2', 'flood.gz']],
    ['tcpsynq watch -i floo', ['flood 2', 'flood.gz']],
    ['tcpsynq watch -i pro', ['proc']],
    ['tcpsynq count floo', []],
    ['tcpsynq watch -n floo', []],
    ['tcpsynq capture x -- bash floo', ['flood 2', 'flood.gz']],
  ])('%s', async (line, expected) => {
    const offered = (await ASK[shell](line)).map((one) => one.replaceAll('\\', ''));
    expect([...new Set(offered)].sort()).toEqual(expected);
  });

  test('a command to run', async () => {
    expect(await ASK[shell]('tcpsynq capture x -- setpri')).toContain('setpriv');
  });
});

test('bash, on a terminal: a file with a space, after a word with =', async () => {
  const line = `cd '${directory}'; exec bash --norc --noprofile -i`;
  const started = new Started('script', ['--quiet', '--command', line, '/dev/null'], {
    PS1: '',
    TERM: 'dumb',
    HOME: directory,
  });
  started.child.stdin?.write('source ./bash; tcpsynq() { printf \'<%s>\' "$@"; echo; }\n');
  started.child.stdin?.write('tcpsynq rep\tflood\\ \t--title=a -o fl\t.g\t\n');
  started.child.stdin?.end('exit\n');
  const { stdout } = await started.ended();
  expect(stdout).toContain('<report><flood 2><--title=a><-o><flood.gz>');
});

test('a shell that there is none for; options that do nothing', async () => {
  expect(await run(['completion', 'tcsh'])).toMatchObject({
    stdout: '',
    stderr: expect.stringMatching(/^tcpsynq: .*'tcsh'.* bash, zsh, fish\.\n/),
    code: 2,
  });
  expect(await run(['completion', 'bash', '--json'])).toMatchObject({
    stdout: '',
    stderr: expect.stringMatching(/^tcpsynq: completion reads no figures: .*\n$/),
    code: 2,
  });
});

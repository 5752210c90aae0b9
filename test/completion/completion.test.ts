import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SHELLS, type Shell } from '../../src/completion/shells.js';
import { run, Started } from '../command.js';

// Ask each real shell for completions, with its script from the command and two files to find.

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

/** A bash script that prints the completions of each argument, a command line, and then END. */
const BASH = `source ./bash
# What readline would do when compopt tells it to look for files.
compopt() { case $* in *default) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;; esac }
for line; do
  IFS=' ' read -ra COMP_WORDS <<<"$line"
  [[ $line != *' ' ]] || COMP_WORDS+=('')
  COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)) COMPREPLY=()
  _tcpsynq
  printf '%s\n' "\${COMPREPLY[@]}" END
done`;

/** Return the completions of each line's last word, and END after each line, for each shell. */
const ASK: Readonly<Record<Shell, (lines: readonly string[]) => Promise<string[]>>> = {
  bash: (lines) => {
    // readline treats every = as a word.
    const words = lines.map((line) => line.replaceAll('=', ' = ').replace(/ = $/, ' ='));
    return said('bash', '--norc', '-uc', BASH, 'bash', ...words);
  },
  zsh: (lines) =>
    said('zsh', '-f', fileURLToPath(new URL('zsh-asks', import.meta.url)), './zsh', ...lines),
  fish: async (lines) => {
    const ask = 'source ./fish; for line in $argv; complete -C $line; echo END; end';
    const offered = await said('fish', '--no-config', '-c', ask, '--', ...lines);
    return offered.map((one) => one.replace(/\t.*/, '').replace(/^--[a-z]+=/, ''));
  },
};

/** Command lines as typed, and all completions of their last word. */
const LINES: readonly (readonly [string, readonly string[]])[] = [
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
];
const PROGRAMS = 'tcpsynq capture x -- setpri';

describe.each(SHELLS)('%s completes', (shell) => {
  const offered = new Map<string, string[]>();

  // Ask one shell all lines, because zsh takes half a second to start.
  beforeAll(async () => {
    const lines = [...LINES.map(([line]) => line), PROGRAMS];
    let own: string[] = [];
    for (const one of await ASK[shell](lines)) {
      if (one === 'END') {
        offered.set(lines[offered.size] ?? '', own);
        own = [];
      } else {
        own.push(one.replaceAll('\\', ''));
      }
    }
  });

  test.each(LINES)('"%s" to %j', (line, expected) => {
    expect([...new Set(offered.get(line))].sort()).toEqual(expected);
    expect(offered.has(line)).toBe(true);
  });

  test('the name of a program to run', () => {
    expect(offered.get(PROGRAMS)).toContain('setpriv');
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

test('a shell without a script; options without effect', async () => {
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

// One shell for all commands whose end the caller waits for. In an emulated guest it takes long to
// fork a process as large as vitest's worker, and each command would start a shell of its own.

import { execFileSync, spawn } from 'node:child_process';
import {
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MARK, OWN } from '../left.ts';

/**
 * Read commands that end in NUL, run each in a subshell, and answer with its status. Each command
 * has its own output files, so a process left in the background neither delays nor mixes answers.
 */
const LOOP = `
cd "$1"
exec 3<commands 4>statuses
n=0
while IFS= read -r -d '' command <&3; do
  n=$((n + 1))
  (cd "$2"; eval "$command") </dev/null >"$n.stdout" 2>"$n.stderr" 3<&- 4>&-
  echo $? >&4
done`;

export interface Answer {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

class Shell {
  private readonly directory = mkdtempSync(join(tmpdir(), 'shell-'));
  private readonly commands: number;
  private readonly statuses: number;
  private readonly answer = Buffer.alloc(16);
  private n = 0;

  constructor() {
    const path = (name: string) => join(this.directory, name);
    execFileSync('mkfifo', [path('commands'), path('statuses')]);
    // Mark only the processes that the shell starts: test/processes.ts finds those left behind.
    const env = { ...process.env };
    delete env[MARK];
    const loop = `export ${MARK}=${OWN}${LOOP}`;
    spawn('bash', ['-c', loop, 'bash', this.directory, process.cwd()], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env,
    }).unref();
    this.commands = openSync(path('commands'), 'w');
    this.statuses = openSync(path('statuses'), 'r');
    process.on('exit', () => rmSync(this.directory, { recursive: true, force: true }));
  }

  run(command: string): Answer {
    writeSync(this.commands, `${command}\0`);
    const length = readSync(this.statuses, this.answer);
    if (length === 0) throw new Error(`the shell ended at: ${command}`);
    this.n++;
    return {
      status: Number(this.answer.toString('latin1', 0, length)),
      stdout: this.take('stdout'),
      stderr: this.take('stderr'),
    };
  }

  private take(stream: string): string {
    const path = join(this.directory, `${this.n}.${stream}`);
    const text = readFileSync(path, 'utf8');
    unlinkSync(path);
    return text;
  }
}

let shell: Shell | undefined;

/** Run a bash command and wait for it, but not for processes it leaves in the background. */
export function run(command: string): Answer {
  shell ??= new Shell();
  return shell.run(command);
}

import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const TOP = fileURLToPath(new URL('..', import.meta.url));

/** `npm run build` touches the first file before all else, and writes the second last of all. */
const [BEGUN, LAST] = ['build/begun', 'dist/man/tcpsynq.1'];

/** Build the command, unless the last build is complete and newer than all that it is made from. */
export default function build(): void {
  if (isFresh()) {
    return;
  }
  mkdirSync(join(TOP, 'build'), { recursive: true });
  const lock = openSync(join(TOP, 'build/lock'), 'w');
  try {
    // flock(1) locks the open file that it inherits, which stays locked until we close it too.
    spawnSync('flock', ['3'], { stdio: ['ignore', 'inherit', 'inherit', lock] });
    if (!isFresh()) {
      execFileSync('npm', ['run', '--silent', 'build'], {
        cwd: TOP,
        stdio: ['ignore', 'inherit', 'inherit'],
      });
    }
  } finally {
    closeSync(lock);
  }
}

/** Compare times of change (ctime): a tool that copies files can set mtime back, but not ctime. */
function isFresh(): boolean {
  const begun = statSync(join(TOP, BEGUN), { throwIfNoEntry: false });
  const last = statSync(join(TOP, LAST), { throwIfNoEntry: false });
  if (begun === undefined || last === undefined) {
    return false;
  }
  const isComplete = last.size > 0 && last.mtimeMs >= begun.mtimeMs;
  return isComplete && inputs().every((path) => statSync(join(TOP, path)).ctimeMs < begun.mtimeMs);
}

/** List all that a build reads. A folder changes when a file in it is added, renamed or deleted. */
function inputs(): string[] {
  const settings = /^(package(-lock)?|tsconfig(\.\w+)?)\.json$|^rolldown\.config\.js$/;
  return [
    ...readdirSync(TOP).filter((name) => settings.test(name)),
    ...readdirSync(join(TOP, 'man'))
      .filter((name) => name.endsWith('.in'))
      .map((name) => join('man', name)),
    'src',
    ...readdirSync(join(TOP, 'src'), { recursive: true }).map((name) => join('src', String(name))),
  ];
}

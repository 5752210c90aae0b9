import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const TOP = fileURLToPath(new URL('..', import.meta.url));

/** `npm run build` touches the first file at its start, and writes the second at its end. */
const [BEGUN, LAST] = ['build/begun', 'dist/man/tcpsynq.1'];

/** Build the command, unless the last build is complete and newer than all of its inputs. */
export default function build(): void {
  if (isFresh()) {
    return;
  }
  mkdirSync(join(TOP, 'build'), { recursive: true });
  const lock = openSync(join(TOP, 'build/lock'), 'w');
  try {
    // flock(1) locks the open file that it inherits. The lock remains until we close it too.
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

/**
 * Return whether the last build is complete and newer than all of its inputs. It compares their
 * ctime: a tool that copies files can set mtime back, but not ctime.
 */
function isFresh(): boolean {
  const begun = statSync(join(TOP, BEGUN), { throwIfNoEntry: false });
  const last = statSync(join(TOP, LAST), { throwIfNoEntry: false });
  if (begun === undefined || last === undefined) {
    return false;
  }
  const isComplete = last.size > 0 && last.mtimeMs >= begun.mtimeMs;
  return isComplete && inputs().every((path) => statSync(join(TOP, path)).ctimeMs < begun.mtimeMs);
}

/** List all inputs of a build. A folder changes when a file in it is added, renamed or deleted. */
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

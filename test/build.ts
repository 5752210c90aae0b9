import { execFileSync } from 'node:child_process';

/** The tests that start the command run what was built from the sources as they are. */
export default function build(): void {
  execFileSync('npm', ['run', '--silent', 'build'], { stdio: ['ignore', 'inherit', 'inherit'] });
}

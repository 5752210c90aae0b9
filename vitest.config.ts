import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const inGuest = existsSync('/run/tcpsynq-lab/token');

/** This checkout's: its path may have a folder of that name further up. */
const folder = fileURLToPath(new URL('build/', import.meta.url));
const built = new RegExp(`^${folder.replace(/[^\w/]/g, '\\$&')}`);

/** After vm/fatal a kernel is of no further use. */
class FatalLast extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isFatal = ({ moduleId }: TestSpecification) => /\/vm\/fatal\.test\.ts$/.test(moduleId);
    const sorted = await super.sort(files);
    return [...sorted.filter((file) => !isFatal(file)), ...sorted.filter(isFatal)];
  }
}

export default defineConfig({
  test: {
    sequence: { sequencer: FatalLast },
    reporters: inGuest ? ['verbose', './test/vm/counts.ts'] : ['default'],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/vm/**', 'test/debug/**'],
          globalSetup: ['test/build.ts'],
          setupFiles: ['test/processes.ts'],
          // What is built is loaded by Node itself.
          server: { deps: { external: [built] } },
          // A new process for every file would take half of the time. Modules keep no state.
          isolate: false,
          // More than processors on a small machine, as the slow files mostly wait.
          maxWorkers: Math.max(3, availableParallelism() - 1),
          // Beside two busy loops a test of twenty processes took 20 s.
          testTimeout: 60_000,
          // Of tests that wait for processes.
          maxConcurrency: 8,
        },
      },
      {
        // Needs the module in a running kernel: the lab's guest runs it, one file at a time,
        // because every file loads and unloads the same module.
        test: {
          name: 'vm',
          include: ['test/vm/**/*.test.ts'],
          pool: 'forks',
          maxWorkers: 1,
          fileParallelism: false,
          setupFiles: ['test/processes.ts'],
          // A process for each file takes seconds to start in an emulated guest.
          isolate: false,
          testTimeout: 600_000,
          hookTimeout: 600_000,
        },
      },
      {
        // Needs a kernel of lab/debug-kernel, on which everything takes its time.
        test: {
          name: 'debug',
          include: ['test/debug/**/*.test.ts'],
          pool: 'forks',
          maxWorkers: 1,
          fileParallelism: false,
          setupFiles: ['test/processes.ts'],
          testTimeout: 7_200_000,
          hookTimeout: 600_000,
        },
      },
    ],
  },
});

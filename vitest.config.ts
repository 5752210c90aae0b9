import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const inGuest = existsSync('/run/tcpsynq-lab/token');

/** The build folder of this checkout. In full, since a parent folder may be called build too. */
const folder = fileURLToPath(new URL('build/', import.meta.url));
const built = new RegExp(`^${folder.replace(/[^\w/]/g, '\\$&')}`);

/** Runs vm/fatal last: it leaves the kernel unusable. */
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
          // Node loads the built files, not Vitest.
          server: { deps: { external: [built] } },
          // A new process for each file would take half of the run time. Modules keep no state.
          isolate: false,
          // Use more workers than processors on a small machine, since the slow files mostly wait.
          maxWorkers: Math.max(3, availableParallelism() - 1),
          // With two busy loops on the machine, a test of twenty processes took 20 s.
          testTimeout: 60_000,
          // Concurrent tests of a file wait for processes.
          maxConcurrency: 8,
        },
      },
      {
        // These tests need the module in a running kernel, so the lab's guest runs them. Files run
        // one at a time, because each loads and unloads the same module.
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
        // These tests need a kernel of lab/debug-kernel, which is slow.
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

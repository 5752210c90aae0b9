import { existsSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

const inGuest = existsSync('/run/tcpsynq-lab/token');

export default defineConfig({
  test: {
    reporters: inGuest ? ['verbose', './test/vm/counts.ts'] : ['default'],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/vm/**', 'test/debug/**'],
          globalSetup: ['test/build.ts'],
          testTimeout: 20_000,
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
          testTimeout: 7_200_000,
          hookTimeout: 600_000,
        },
      },
    ],
  },
});

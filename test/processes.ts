import { existsSync } from 'node:fs';
import { afterAll } from 'vitest';
import { killLeft } from './left.ts';

// Vitest loads this file before each test file.

afterAll(async () => {
  const left = await killLeft(existsSync('/run/tcpsynq-lab/token') ? 15_000 : 1_000);
  if (left.length > 0) {
    throw new Error(`these processes outlived the tests that started them:\n${left.join('\n')}`);
  }
});

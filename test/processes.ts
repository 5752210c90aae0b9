import { afterAll } from 'vitest';
import { killLeft } from './command.js';

// Vitest runs this before each file of tests.

afterAll(async () => {
  const left = await killLeft();
  if (left.length > 0) {
    throw new Error(`these processes outlived the tests that started them:\n${left.join('\n')}`);
  }
});

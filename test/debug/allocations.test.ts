// Make each allocation fail in turn. The operation then either fails with ENOMEM and leaves nothing
// behind, or succeeds in full.

import { existsSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { isLoaded, load, moduleFile, requireGuest, sh, status, top, unload } from '../vm/guest.ts';
import {
  ALL_KINDS,
  expectGone,
  expectNoLeaks,
  hasConfig,
  setting,
  TAP,
  unloadSoon,
} from './kernel.ts';

requireGuest();

const failing = join(top, 'lab', 'tools', 'build', 'failing');
const FIRST = setting('FIRST', 1);
const STEP = setting('STEP', 1);

// procfs returns ENOENT if it lacks memory for the lookup.
const REFUSED = ['0', 'ENOMEM', 'ENOENT'];

// Without this check a debug kernel that lost the option would only skip the tests below.
if (release().endsWith('-kasan') && !hasConfig('FAULT_INJECTION')) {
  throw new Error('this kernel is to have fault injection, and has not');
}

beforeAll(() => {
  // Loading sets up every namespace, and undoes that if it fails: add two.
  sh('ip netns add one && ip netns add another');
  // vmalloc() prints a warning with a stack for each failure. Keep these off the console, which
  // lab/run reads.
  sh('dmesg -n 4');
  const debug = '/sys/kernel/debug';
  if (!existsSync(`${debug}/failslab`)) return;
  // By default, fault injection skips allocations that may wait, and prints a stack per failure.
  for (const [file, value] of [
    ['failslab/ignore-gfp-wait', 'N'],
    ['failslab/verbose', '0'],
    ['fail_page_alloc/ignore-gfp-wait', 'N'],
    ['fail_page_alloc/ignore-gfp-highmem', 'N'],
    ['fail_page_alloc/min-order', '0'],
    ['fail_page_alloc/verbose', '0'],
  ] as const) {
    writeFileSync(`${debug}/${file}`, value);
  }
});
afterAll(() => {
  sh('dmesg -n 7; ip netns del one; ip netns del another');
});
afterEach(async () => {
  if (isLoaded()) await unloadSoon();
  // vmalloc() reports its failures through warn_alloc(), in words that do not match.
  expect(sh('dmesg --read-clear')).not.toMatch(
    /WARNING: |BUG[: ]|KASAN|UBSAN|INFO: (trying|task)|locking correctness validator/,
  );
});

/** Status lines of the hooks that ALL_KINDS requires, all attached. */
const HOOKED =
  /^hook tcp_rcv_established ftrace [\s\S]*^hook __tcp_transmit_skb ftrace [\s\S]*^hook skb:kfree_skb tracepoint [\s\S]*^hook tcp_set_state ftrace /m;

/** Fail each allocation of `what` in turn, call `look` after each, and print their number. */
async function each(
  what: string,
  look: (error: string, nth: number) => Promise<void> | void,
): Promise<void> {
  let nth = FIRST;
  for (; ; nth += STEP) {
    const [error = '', failed] = sh(`${failing} ${nth} ${what}`).trim().split(' ');
    await look(error, nth);
    if (failed === '0') {
      expect(error).toBe('0');
      break;
    }
  }
  console.log(`failing ${what}: ${nth} allocations`);
}

describe('each allocation fails once', () => {
  beforeEach(({ skip }) => skip(!hasConfig('FAULT_INJECTION'), 'the kernel lacks FAULT_INJECTION'));

  test('of loading the module', async () => {
    await each(`load ${moduleFile}`, (error, nth) => {
      if (error !== '0') {
        expect(error, `allocation ${nth}`).toBe('ENOMEM');
        expectGone();
        return;
      }
      // If the load succeeds despite the failed allocation, nothing may be missing.
      expect(status(), `allocation ${nth}`).toContain('exact yes');
      unload();
      expectGone();
    });
    await expectNoLeaks();
  });

  test('of opening, configuring and reading a tap', async () => {
    // Hooks stay attached for seconds after their last tap, so reload the module each time.
    await each(`use ${TAP} '${ALL_KINDS}'`, async (error, nth) => {
      expect(REFUSED, `allocation ${nth}`).toContain(error);
      // The tap is closed by now, but its hooks stay attached for seconds.
      if (error === '0') expect(status().join('\n'), `allocation ${nth}`).toMatch(HOOKED);
      if (isLoaded()) await unloadSoon();
      expectGone();
      load();
    });
    unload();
    await expectNoLeaks();
  });

  test.each(['/proc/net/stat/tcpsynq', '/proc/net/tcpsynq_listeners', '/proc/net/tcpsynq_status'])(
    'of reading %s',
    async (file) => {
      load();
      await each(`show ${file}`, (error, nth) => {
        expect(REFUSED, `allocation ${nth}`).toContain(error);
      });
      unload();
      await expectNoLeaks();
    },
  );

  test('of creating a network namespace', async () => {
    load();
    // Other subsystems of a namespace fail with errors of their own, such as ENOBUFS and ENODEV.
    // failing(1) prints ENOENT if a namespace was created without the module's files.
    await each('netns', (error, nth) => {
      expect(error, `allocation ${nth}`).not.toBe('ENOENT');
    });
    unload();
    expectGone();
    await expectNoLeaks();
  });
});

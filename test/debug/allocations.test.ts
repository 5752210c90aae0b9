// Every allocation failed in turn: what was asked for is refused with ENOMEM and nothing stays
// behind, or it is done in full.

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

// ENOENT is procfs's, when it has no memory for what it looks up.
const REFUSED = ['0', 'ENOMEM', 'ENOENT'];

// A lost setting must not look like a kernel that was never to have it.
if (release().endsWith('-kasan') && !hasConfig('FAULT_INJECTION')) {
  throw new Error('this kernel is to have fault injection, and has not');
}

beforeAll(() => {
  // Loading has to do, and to undo, each namespace there is.
  sh('ip netns add one && ip netns add another');
  // vmalloc() warns, with a stack, of each that fails: kept off the console that lab/run reads.
  sh('dmesg -n 4');
  const debug = '/sys/kernel/debug';
  if (!existsSync(`${debug}/failslab`)) return;
  // By itself it passes over those that may wait, and prints a stack for each it fails.
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
  // Of its own failure vmalloc() tells by warn_alloc(), which says neither.
  expect(sh('dmesg --read-clear')).not.toMatch(
    /WARNING: |BUG[: ]|KASAN|UBSAN|INFO: (trying|task)|locking correctness validator/,
  );
});

/** What ALL_KINDS cannot do without, attached. */
const HOOKED =
  /^hook tcp_rcv_established ftrace [\s\S]*^hook __tcp_transmit_skb ftrace [\s\S]*^hook skb:kfree_skb tracepoint [\s\S]*^hook tcp_set_state ftrace /m;

/** Has one allocation after the other fail, until there are no more; how many there were. */
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

  test('of loading', async () => {
    await each(`load ${moduleFile}`, (error, nth) => {
      if (error !== '0') {
        expect(error, `allocation ${nth}`).toBe('ENOMEM');
        expectGone();
        return;
      }
      // A failure that cost nothing must have cost nothing.
      expect(status(), `allocation ${nth}`).toContain('exact yes');
      unload();
      expectGone();
    });
    await expectNoLeaks();
  });

  test('of a tap, opened, told what to show, read', async () => {
    // Anew each time: hooks stay for seconds after their last tap.
    await each(`use ${TAP} '${ALL_KINDS}'`, async (error, nth) => {
      expect(REFUSED, `allocation ${nth}`).toContain(error);
      // Hooks stay attached for seconds.
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

  test('of a network namespace being made', async () => {
    load();
    // What else there is in one refuses in words of its own, ENOBUFS and ENODEV among them; but
    // one that was made has our files in it, or failing(1) says ENOENT.
    await each('netns', (error, nth) => {
      expect(error, `allocation ${nth}`).not.toBe('ENOENT');
    });
    unload();
    expectGone();
    await expectNoLeaks();
  });
});

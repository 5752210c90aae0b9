// CPUs, namespaces, readers and filters come and go while a flood runs.

import { closeSync, openSync, readSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  expectNoDoubt,
  inside,
  isLoaded,
  Link,
  load,
  requireGuest,
  sh,
  status,
} from '../vm/guest.ts';
import {
  ALL_KINDS,
  expectAllCounted,
  expectExact,
  expectGone,
  expectNoLeaks,
  Flood,
  setting,
  TAP,
  unloadSoon,
} from './kernel.ts';

requireGuest();

let link: Link;
let flood: Flood;
beforeEach(async () => {
  link = new Link();
  for (const what of ['readers', 'namespaces']) writeFileSync(`/tmp/${what}`, '');
  sh('dmesg --clear');
  load('taps=64');
  flood = await Flood.start(link);
});
afterEach(async () => {
  if (isLoaded()) await unloadSoon();
  await link.remove();
});

/** End the flood, expect all sums to be right, and the module to unload without a trace. */
async function expectUnharmed(): Promise<void> {
  const sent = await flood.end();
  await expectExact(link);
  await link.empty();
  await expectExact(link);
  await expectAllCounted(link, flood, sent);
  expectNoDoubt(link);
  await unloadSoon();
  expectGone();
  await expectNoLeaks();
}

/** Return how many of them opened their tap: each then appends a byte to a file. */
const happened = (what: 'readers' | 'namespaces'): number => statSync(`/tmp/${what}`).size;

/**
 * A bash function that starts a reader of a tap and kills it after 0 to 2.8 s. For half of the
 * readers that time begins once their tap is open, since starting a process may take seconds.
 */
const READER = `reader() {
  bash -c 'exec 3<>${TAP} && echo ${ALL_KINDS} '$1' >&3 && printf . >>/tmp/readers; exec cat <&3 >/dev/null' &
  local pid=$!
  ((RANDOM % 2)) || while kill -0 $pid && [ ! -e /proc/$pid/fd/3 ]; do sleep 0.1; done
  sleep $((RANDOM % 3)).$((RANDOM % 9))
  kill -9 $pid
  wait $pid || true
} 2>/dev/null`;

/** A bash function that takes CPU 1 offline and online again. */
const HOTPLUG = `hotplug() {
  echo 0 >/sys/devices/system/cpu/cpu1/online || exit
  sleep 0.$((RANDOM % 9))
  echo 1 >/sys/devices/system/cpu/cpu1/online || exit
  sleep 0.$((RANDOM % 9))
}`;
const offline = (): number => Number(sh('dmesg | grep -c "CPU 1 is now offline" || true'));

/** A bash function that creates a namespace, opens a tap in it, and exits at once. */
const NAMESPACE = `namespace() {
  unshare -n bash -c 'exec 3<>${TAP} && echo ${ALL_KINDS} >&3; head -c 300 <&3; cat /proc/net/stat/tcpsynq' >/dev/null &&
    printf . >>/tmp/namespaces
}`;

const inTarget = (script: string): string =>
  sh(`${inside(link.target)} bash -c "$(cat <<'SCRIPT'\n${script}\nSCRIPT\n)"`);

const HOTPLUGS = setting('HOTPLUGS', 100);
test(`a CPU goes and comes back ${HOTPLUGS} times`, async () => {
  inTarget(`${HOTPLUG}\n${READER}
    for ((i = 0; i < ${HOTPLUGS}; i++)); do hotplug; ((i % 5)) || reader latency_ms=0; done`);
  expect(offline()).toBe(HOTPLUGS);
  await expectUnharmed();
});

const NAMESPACES = setting('NAMESPACES', 150);
test(`${NAMESPACES} namespaces, each with a tap`, async () => {
  sh(`${NAMESPACE}
    for ((i = 0; i < ${NAMESPACES}; i += 3)); do
      namespace & namespace & namespace & wait
    done`);
  expect(happened('namespaces')).toBeGreaterThanOrEqual(NAMESPACES);
  await expectUnharmed();
});

const READERS = setting('READERS', 150);
test(`${READERS} readers, killed at a random moment`, async () => {
  inTarget(`${READER}
    for ((i = 0; i < ${READERS}; i += 3)); do
      reader & reader latency_ms=0 & reader addr=198.18.0.0/16 & wait
    done`);
  expect(status()).toContain('taps 0 64');
  console.log(`${happened('readers')} of ${READERS} had their tap when they were killed`);
  expect(happened('readers')).toBeGreaterThan(READERS / 4);
  await expectUnharmed();
});

const WRITES = setting('WRITES', 5000);
// biome-ignore lint/complexity/noExcessiveCognitiveComplexity: one loop of random choices, in an order that SEED repeats
test(`${WRITES} random or damaged filters`, async () => {
  const seed = setting('SEED', Date.now() % 1_000_000);
  console.log(`SEED=${seed}`);
  let state = seed;
  const random = (below: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >> 8) % below;
  };
  const good = `${ALL_KINDS} port=80 addr=198.18.0.0/15 fwmark=0 proto=any interval_ms=10 latency_ms=0 format=tcpsynq`;
  // Open the tap in the flood's namespace, so that hooks use the filter while it changes.
  const tap = openSync(`/proc/${flood.pid}/net/tcpsynq`, 'r+');
  const into = Buffer.alloc(65536);
  let taken = 0;
  for (let i = 0; i < WRITES; i++) {
    let text = Buffer.from(good);
    if (i % 3 === 0) text = Buffer.from(Array.from({ length: random(600) }, () => random(256)));
    // Otherwise one word of a good filter, or its start. Some get one or two bytes changed.
    if (i % 3 === 1) text = Buffer.from(good.split(' ')[random(12)] ?? '');
    if (i % 3 === 2) text = text.subarray(0, random(text.length));
    for (let n = random(3); n > 0 && i % 2 === 0 && text.length > 0; n--) {
      text[random(text.length)] = random(256);
    }
    try {
      taken += writeSync(tap, text) > 0 ? 1 : 0;
    } catch (error) {
      expect((error as NodeJS.ErrnoException).code).toBe('EINVAL');
    }
    if (i % 100 === 0 && writeSync(tap, 'kinds=count format=tcpsynq') > 0) {
      expect(readSync(tap, into)).toBeGreaterThan(0);
    }
  }
  closeSync(tap);
  console.log(`${taken} of ${WRITES} were taken`);
  await expectUnharmed();
});

const MINUTES = setting('SOAK_MINUTES', 30);
test(
  `all of it at once, for ${MINUTES} minutes`,
  async () => {
    inTarget(`${READER}\n${HOTPLUG}\n${NAMESPACE}
      until=$((SECONDS + 60 * ${MINUTES}))
      forever() { while ((SECONDS < until)); do "$@"; done; }
      forever reader & forever reader latency_ms=0 & forever hotplug & forever namespace &
      forever cat /proc/net/tcpsynq_listeners /proc/net/tcpsynq_status /proc/net/stat/tcpsynq >/dev/null &
      wait`);
    console.log(
      `${happened('readers')} readers, ${happened('namespaces')} namespaces, ${offline()} times without CPU 1`,
    );
    expect(Math.min(happened('readers'), happened('namespaces'), offline())).toBeGreaterThan(
      MINUTES,
    );
    await expectUnharmed();
  },
  (MINUTES + 30) * 60_000,
);

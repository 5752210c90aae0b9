// Format the results of a run in the guest: a row per test file. lab/record adds date, commit and
// accelerator. docs/results.tsv has the names of the columns.

import { arch } from 'node:os';
import type { TestCase, TestModule } from 'vitest/node';
import { FLOOD } from './flood.ts';

/** Settings of test/debug that a row notes, from lab/debug-tests. */
const SETTINGS = [
  'FLOOD_RATE',
  'LOADS',
  'FIRST',
  'STEP',
  'HOTPLUGS',
  'NAMESPACES',
  'READERS',
  'WRITES',
  'SEED',
  'SOAK_MINUTES',
];
const MAX_FAILURES_NAMED = 3;

/** Note of a file that has started and not ended: lab/record looks for it. */
export const UNFINISHED = 'did not finish';

/** Return builder, PREEMPT_RT and compiler from the text of /proc/version. */
export function describeBuild(text: string): string {
  const [, release = '', host = ''] = /^Linux version (\S+) \([^@)]*@?([^)]*)\)/.exec(text) ?? [];
  const [, compiler = 'unknown compiler', version = ''] =
    /(gcc|clang)[^0-9.]*(?:-\d+[^0-9.]*)?(\d+(?:\.\d+)+)/.exec(text.slice(text.indexOf(') ('))) ??
    [];
  let builder = /\.([\w-]+\.\w+)$/.exec(host)?.[1] ?? 'own build';
  if (builder === 'debian.org') {
    const [, debian = ''] = / Debian (\d[\d.]*)/.exec(text) ?? [];
    // The release 6.1.0-57-amd64 hides that this is 6.1.192; 7.3.4+deb13-amd64 shows its version.
    builder = debian === '' || release.startsWith(debian) ? 'Debian' : `Debian ${debian}`;
  }
  const realtime = text.includes('PREEMPT_RT') ? ' PREEMPT_RT' : '';
  return `${builder}${realtime}, ${compiler} ${version}`.trimEnd();
}

export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
  /** Reasons of skipped tests, names of failed tests. */
  notes: string[];
  /** Whether the run selected only some of the file's tests. */
  isPart: boolean;
}

/** Return whether a hook around the test failed: then vitest skips the test. */
function hasFailedHook(test: TestCase): boolean {
  for (let around = test.parent; ; around = around.parent) {
    if (around.errors().length > 0) return true;
    if (around.type === 'module') return false;
  }
}

type Outcome = 'passed' | 'failed' | 'skipped' | 'unselected';

/** Tests that skip themselves give a reason; -t, a line number and test.only give none. */
function outcomeOf(test: TestCase): Outcome {
  const result = test.result();
  if (result.state === 'passed') return 'passed';
  if (result.state !== 'skipped') return 'failed';
  if (result.note !== undefined) return 'skipped';
  return hasFailedHook(test) ? 'failed' : 'unselected';
}

/** Return each reason once, with the number of tests that gave it. */
function listReasons(tests: readonly TestCase[]): string[] {
  const reasons = new Map<string, number>();
  for (const test of tests) {
    const { note = '' } = test.result() as { note?: string | undefined };
    reasons.set(note, (reasons.get(note) ?? 0) + 1);
  }
  return [...reasons].map(([reason, n]) => `skipped: ${reason}${n > 1 ? ` (${n} tests)` : ''}`);
}

/** Return one note that names the first failures, or none. */
function nameFailures(failures: readonly string[]): string[] {
  if (failures.length === 0) return [];
  const named = failures.slice(0, MAX_FAILURES_NAMED).join(', ');
  const more = failures.length - MAX_FAILURES_NAMED;
  return [`failed: ${named}${more > 0 ? `, and ${more} more` : ''}`];
}

/** Count the tests of a file that has ended. */
export function countTests(module: TestModule): Counts {
  const by: Record<Outcome, TestCase[]> = { passed: [], failed: [], skipped: [], unselected: [] };
  for (const test of module.children.allTests()) by[outcomeOf(test)].push(test);
  const failures = by.failed.map((test) => test.name);
  if (module.state() === 'failed' && failures.length === 0) {
    failures.push('a hook, or the file itself');
  }
  return {
    passed: by.passed.length,
    failed: failures.length,
    skipped: by.skipped.length,
    notes: [...listReasons(by.skipped), ...nameFailures(failures)],
    isPart: by.unselected.length > 0,
  };
}

/** Return the counts for a file that starts. They stay if it never ends. */
export const unfinished = (): Counts => ({
  passed: 0,
  failed: 1,
  skipped: 0,
  notes: [UNFINISHED],
  isPart: false,
});

/** Return vm/exact for test/vm/exact.test.ts. */
export const suiteName = (path: string): string =>
  path.replace(/^.*\btest\//, '').replace(/\.test\.ts$/, '');

/** Return one line of tab-separated cells for lab/record. */
export function formatRow(
  kernel: { release: string; version: string },
  suite: string,
  counts: Counts,
  seconds: number,
): string {
  const settings = SETTINGS.filter((name) => suite.startsWith('debug/') && process.env[name]);
  const notes = [...counts.notes, ...settings.map((name) => `${name}=${process.env[name]}`)];
  const cells = [
    kernel.release,
    arch() === 'x64' ? 'x86-64' : arch(),
    describeBuild(kernel.version),
    suite,
    FLOOD,
    counts.passed,
    counts.failed,
    counts.skipped,
    Math.round(seconds),
    notes.join('; '),
  ];
  return `${cells.map((cell) => String(cell).replace(/\s+/g, ' ')).join('\t')}\n`;
}

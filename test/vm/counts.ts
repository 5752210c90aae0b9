// A line for each file of a run in the guest, as docs/kernels.md has them: passed of run, and how
// many were passed over. A pattern or a name that no test has fails the run.

import { basename } from 'node:path';
import type { Reporter, TestModule } from 'vitest/node';

export default class Counts implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    let all = 0;
    for (const module of modules) {
      const states = [...module.children.allTests()].map((test) => test.result().state);
      const count = (state: string): number => states.filter((each) => each === state).length;
      const skipped = count('skipped');
      const run = states.length - skipped;
      if (run === 0) continue;
      all += run;
      const name = basename(module.moduleId, '.test.ts');
      console.log(`${name}: ${count('passed')} of ${run}${skipped > 0 ? ` +${skipped}` : ''}`);
    }
    if (all > 0) return;
    console.error('no test ran: is there one of that name?');
    process.exitCode = 1;
  }
}

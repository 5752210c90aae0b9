import { expect, test } from 'vitest';
import { Collector, UNKNOWN_SETTINGS } from '../../src/diagnose/collect.js';
import { isQuiet, judge, STATES, type State, type Verdict } from '../../src/diagnose/rules.js';
import { feed } from '../capture.js';
import { healthy, SCENARIOS, type Scenario } from './scenarios.js';
import { randomFrom, simulate, type World } from './simulate.js';

const SCALES = [0.5, 1, 3];
const SEEDS = [1, 2, 3];
/** The number of windows of healthy traffic to judge. */
const WINDOWS = Number(process.env.WINDOWS ?? 100);

function verdictOn(world: World, syns: boolean): Verdict {
  const collector = new Collector(UNKNOWN_SETTINGS);
  feed(simulate(world, syns), collector);
  return judge(collector.finish());
}

/** Return the fault of a verdict; null if it is right. */
function fault({ worst, severity }: Verdict, { state, local, sources }: Scenario): string | null {
  if (worst.state !== state) return `${worst.state} (${worst.rule})`;
  if (isQuiet(state) !== (severity === 'ok')) return `severity ${severity}`;
  if (local !== undefined && worst.scope.local !== local) return `at ${worst.scope.local}`;
  const top = (worst.scope.sources ?? worst.scope.refused_sources)?.top;
  if (sources !== undefined && !sources.test(top ?? '')) return `from ${top}`;
  return null;
}

/** Return a table of verdict counts: a row for each real state, a column for each verdict. */
function matrix(seen: ReadonlyMap<State, Map<State, number>>): string {
  const width = Math.max(...STATES.map((state) => state.length)) + 1;
  const row = (first: string, cells: readonly (string | number)[]) =>
    `${first.padEnd(width)}${cells.map((cell) => String(cell).padStart(width)).join('')}`;
  return [
    row('', STATES),
    ...STATES.filter((state) => seen.has(state)).map((state) =>
      row(
        state,
        STATES.map((said) => seen.get(state)?.get(said) ?? '.'),
      ),
    ),
  ].join('\n');
}

const CAPTURES = SCENARIOS.flatMap((scenario) =>
  SCALES.flatMap((scale) => SEEDS.map((seed) => ({ scenario, scale, seed }))),
);

test('at least 97 of 100 captures are judged as an expert would', { timeout: 300_000 }, () => {
  const seen = new Map<State, Map<State, number>>();
  const faults: string[] = [];
  for (const { scenario, scale, seed } of CAPTURES) {
    const verdict = verdictOn(scenario.world(randomFrom(seed), scale), seed % 2 === 0);
    const said = verdict.worst.state;
    const row = seen.get(scenario.state) ?? new Map<State, number>();
    seen.set(scenario.state, row.set(said, (row.get(said) ?? 0) + 1));
    const wrong = fault(verdict, scenario);
    if (wrong !== null) faults.push(`${scenario.name}, ${scale} times, seed ${seed}: ${wrong}`);
    if (scenario.state === 'flood') expect(isQuiet(said), scenario.name).toBe(false);
  }
  console.log(matrix(seen));
  console.log(
    [`${CAPTURES.length - faults.length} of ${CAPTURES.length} right`, ...faults].join('\n'),
  );
  expect(faults.length).toBeLessThanOrEqual(0.03 * CAPTURES.length);
});

test(`${WINDOWS} windows of healthy traffic raise no alarm`, { timeout: 600_000 }, () => {
  for (let seed = 1; seed <= WINDOWS; seed += 1) {
    const { severity, worst } = verdictOn(healthy(seed), seed % 2 === 0);
    expect(severity, `seed ${seed}: ${worst.state}, ${worst.rule}`).toBe('ok');
  }
});

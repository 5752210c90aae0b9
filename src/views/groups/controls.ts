/** The state set by the keys of a screen of groups. */
export interface Controls {
  /** Index of the grouping shown, modulo the number of groupings. */
  readonly grouping: number;
  readonly paused: boolean;
  readonly stopped: boolean;
  /** Number of resets. */
  readonly resets: number;
}

export const FIRST: Controls = { grouping: 0, paused: false, stopped: false, resets: 0 };

/**
 * Return the controls after a key; null if the key has no effect.
 *
 * @param live whether records are current; if not, there is nothing to pause, stop or reset
 */
export function press(controls: Controls, key: string, live: boolean): Controls | null {
  switch (key.toLowerCase()) {
    case 'g':
      return { ...controls, grouping: controls.grouping + 1 };
    case 'p':
    case ' ':
      return live ? { ...controls, paused: !controls.paused } : null;
    case 's':
      return live ? { ...controls, stopped: !controls.stopped } : null;
    case 'r':
      return live ? { ...controls, resets: controls.resets + 1 } : null;
    default:
      return null;
  }
}

/** Return the current effects of the keys, the most important first. */
export function hints({ paused, stopped }: Controls, live: boolean): string[] {
  return [
    'q quit',
    'g group',
    ...(live ? [stopped ? 's start' : 's stop', 'r reset', paused ? 'p go on' : 'p pause'] : []),
  ];
}

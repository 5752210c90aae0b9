/** What the keys of a screen of groups have set. */
export interface Controls {
  /** Which grouping is shown, counted round and round. */
  readonly grouping: number;
  readonly paused: boolean;
  readonly stopped: boolean;
  /** How often all was to be forgotten. */
  readonly resets: number;
}

export const FIRST: Controls = { grouping: 0, paused: false, stopped: false, resets: 0 };

/**
 * What a key makes of the controls; null if it means nothing.
 *
 * @param live records are of now: else there is nothing to stop
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

/** What the keys do now, in order of weight. */
export function hints({ paused, stopped }: Controls, live: boolean): string[] {
  return [
    'q quit',
    'g group',
    ...(live ? [stopped ? 's start' : 's stop', 'r reset', paused ? 'p go on' : 'p pause'] : []),
  ];
}

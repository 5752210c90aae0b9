/** How srtt is shown: the unit, and the factor. */
export interface SrttUnit {
  /** The unit in words, for an axis. */
  readonly words: string;
  /** The name of a column: "srtt_ms". */
  readonly column: string;
  readonly factor: number;
}

const MILLISECONDS = { words: 'ms', column: 'srtt_ms' } as const;

/** The unit for S lines, whose srtt is in microseconds. */
export const OF_OUR_OWN: SrttUnit = { ...MILLISECONDS, factor: 1e-3 };

/**
 * The unit for tcp_probe's lines, which do not name theirs. It was jiffies before Linux 3.15, and
 * microseconds from then on. net/ipv4/tcp_probe.c prints tp->srtt >> 3 before, and tp->srtt_us >> 3
 * after.
 */
export const AS_RECORDED: SrttUnit = {
  words: 'as recorded',
  column: 'srtt_as_recorded',
  factor: 1,
};

const UNITS: ReadonlyMap<string, SrttUnit> = new Map([
  ['us', OF_OUR_OWN],
  ['ms', { ...MILLISECONDS, factor: 1 }],
  ['jiffies', { words: 'jiffies', column: 'srtt_jiffies', factor: 1 }],
]);

/** Parse a unit: `us`, `ms`, `jiffies` or `jiffies:HZ`; return null for other text. */
export function parseSrttUnit(text: string): SrttUnit | null {
  const [, hz] = /^jiffies:(\d{1,5})$/.exec(text) ?? [];
  if (hz !== undefined) {
    return Number(hz) > 0 ? { ...MILLISECONDS, factor: 1000 / Number(hz) } : null;
  }
  return UNITS.get(text) ?? null;
}

/**
 * The names of the figures and what each means. A figure is a whole number of connections or
 * segments, kept in a double: exact up to 2^53, which a host that adds ten million half-opens a
 * second reaches after 28 years. The parsers refuse a larger one rather than round it.
 */

/** How a half-open can end. Their sum is everything removed. */
export const OUTCOMES = [
  'completed',
  'expired',
  'reset',
  'unreachable',
  'closed',
  'other',
] as const;

export type Outcome = (typeof OUTCOMES)[number];

/**
 * Every figure with its meaning, the most telling first: the order in which they are printed.
 * The stream's C lines and /proc/net/stat/tcpsynq use these names; the two `listen_` figures are
 * the kernel's own, from /proc/net/netstat.
 */
export const FIGURES = {
  half_open: 'connections waiting for the final ACK, now',
  peak: 'highest half_open since the line before',
  initial: 'half-open when the module was loaded',
  added: 'became half-open since then',
  completed: 'ended by the final ACK: a connection',
  expired: 'ended when the SYN-ACK timer gave up',
  reset: 'ended by RST, a bad segment, or our own abort',
  unreachable: 'ended by an ICMP error',
  closed: 'ended because the listener closed',
  other: 'ended in another way',
  cookies: 'SYNs answered with a cookie',
  cookies_ok: 'ACKs with a valid cookie',
  cookies_bad: 'ACKs with an invalid cookie',
  queue_full: 'SYNs refused: SYN queue full',
  accept_full: 'SYNs refused: accept queue full',
  listen_overflows: 'accept queue overflows (kernel ListenOverflows)',
  listen_drops: 'SYNs and ACKs dropped (kernel ListenDrops)',
  samples: 'samples recorded for taps',
  missed: 'probe hits missed: the count may be off by these',
  lost: 'records lost for want of buffer space',
} as const;

export type FigureName = keyof typeof FIGURES;

export const FIGURE_NAMES = Object.keys(FIGURES) as readonly FigureName[];

/** The figures a source gave; one it cannot know is absent. */
export type Figures = Partial<Record<FigureName, number>>;

export function isFigureName(name: string): name is FigureName {
  return Object.hasOwn(FIGURES, name);
}

/**
 * SYNs refused, whatever the cause: the module's two causes, else the kernel's ListenDrops, which
 * counts final ACKs refused as well. Undefined where neither is known.
 */
export function refused(figures: Figures): number | undefined {
  if (figures.queue_full !== undefined && figures.accept_full !== undefined) {
    return figures.queue_full + figures.accept_full;
  }
  return figures.listen_drops;
}

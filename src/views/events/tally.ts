import type { Tally, TallyGroup } from '../../aggregate/tally.js';
import { Histogram } from '../../sketch/histogram.js';
import type { Frame, Size } from '../../terminal/frame.js';
import { table } from '../../terminal/table.js';
import type { Line } from '../../terminal/text.js';
import {
  barLines,
  drawHandshakes,
  ERROR_PERCENT,
  groupsOf,
  type Handshakes,
  QUANTILES,
  quantileColumns,
} from './handshake.js';
import { drawTop, NETWORKS_ERROR, topOf as standingOf, sureness, tablesOf } from './top.js';

/** Maximum number of printed rows, of sources and of listeners. */
const MOST_ROWS = 20;
/** Maximum number of rows kept for a paused screen, whose terminal may grow. */
const MOST_ON_SCREEN = 200;
const HISTOGRAM_SIZE: Size = { columns: 80, rows: 16 };

/** The forms of a tally: a screen, a printed text, an object. */
export interface TallySubject {
  readonly name: string;
  /** Keys in addition to those of every screen. */
  readonly keys: readonly string[];
  /** Return the current picture. Later events change it unless `kept` is true. */
  picture(kept: boolean): TallyPicture;
  text(): string;
  json(): object;
}

export interface TallyPicture {
  /** @param chosen number of presses of the key for the next listener */
  draw(frame: Frame, size: Size, chosen: number): Line[];
}

/** Return the subject of `events --top`. */
export function topOf(tally: Tally, halfOpen: () => number | null): TallySubject {
  const top = (rows: number) => standingOf(tally, halfOpen(), rows);
  return {
    name: 'tcpsynq events --top',
    keys: [],
    picture(kept) {
      const now = top(MOST_ON_SCREEN);
      const shown = kept ? { ...now, listeners: now.listeners.map(copyOf) } : now;
      return { draw: (frame, size) => drawTop(shown, frame, size) };
    },
    text() {
      const now = top(MOST_ROWS);
      const { sources, listeners, outcomes } = tablesOf(now, false);
      const blocks = [outcomes, listeners, sources].map((one) => table(one).lines.join('\n'));
      return `${blocks.join('\n\n')}\n# ${sureness(now, false).join(', ')}\n`;
    },
    json() {
      const { sources, listeners, halfOpen: half_open, seconds, ...rest } = top(MOST_ROWS);
      const { networks, exact, error, total } = sources;
      return {
        event: 'top',
        half_open,
        seconds: toMicros(seconds),
        ...rest,
        sources: {
          networks,
          exact,
          networks_error: exact ? 0 : NETWORKS_ERROR,
          count_error: error,
          top: sources.top.map(({ key, least, most }) => ({
            network: key,
            at_least: least,
            at_most: most,
            share: total > 0 ? least / total : 0,
          })),
        },
        listeners: listeners.map(({ local, qlen, limit, added, removed, outcomes }) => ({
          local,
          qlen,
          limit,
          added: tally.byRemovals ? null : added,
          removed,
          outcomes,
        })),
      };
    },
  };
}

/** Return the subject of `events --handshake`. */
export function handshakesOf(tally: Tally): TallySubject {
  const now = (): Handshakes => ({
    all: tally.all,
    listeners: tally.listeners(),
    lost: tally.lost,
  });
  return {
    name: 'tcpsynq events --handshake',
    keys: ['l next listener'],
    picture(kept) {
      const { all, listeners, lost } = now();
      const shown = kept
        ? { all: copyOf(all), listeners: listeners.map(copyOf), lost }
        : { all, listeners, lost };
      return { draw: (frame, size, chosen) => drawHandshakes(shown, chosen, frame, size) };
    },
    text() {
      const shown = now();
      const [[, all], ...listeners] = groupsOf(shown) as [
        [string, TallyGroup],
        ...[string, TallyGroup][],
      ];
      const groups = listeners.length > 1 ? listeners.slice(0, MOST_ROWS) : [];
      const histograms = [['all', all] as const, ...groups].map(([name, { handshakes }]) =>
        [`# SYN to final ACK, ${name}`, ...barLines(handshakes, HISTOGRAM_SIZE)].join('\n'),
      );
      const quantiles = table(quantileColumns(shown, false)).lines.join('\n');
      return `${quantiles}\n# times within ${ERROR_PERCENT} %, max exact\n\n${histograms.join('\n\n')}\n`;
    },
    json() {
      const shown = now();
      return {
        event: 'handshake',
        seconds: toMicros(tally.seconds),
        lost: tally.lost,
        error: Histogram.ERROR,
        all: quantilesOf(tally.all),
        listeners: shown.listeners
          .filter(({ handshakes }) => handshakes.count > 0)
          .map((group) => ({ local: group.local, ...quantilesOf(group) })),
      };
    },
  };
}

/** Round seconds to the precision of a difference of times since 1970. */
function toMicros(seconds: number): number {
  return Math.round(seconds * 1e6) / 1e6;
}

function copyOf(group: TallyGroup): TallyGroup {
  return { ...group, outcomes: { ...group.outcomes }, handshakes: group.handshakes.copy() };
}

function quantilesOf({ handshakes, retransmitted }: TallyGroup): object {
  const known = handshakes.count > 0;
  const quantiles = Object.entries(QUANTILES).map(([name, share]) => [
    `${name}_us`,
    known ? handshakes.quantile(share) : null,
  ]);
  return {
    completed: handshakes.count,
    retransmitted,
    min_us: known ? handshakes.min : null,
    ...Object.fromEntries(quantiles),
    max_us: known ? handshakes.max : null,
    histogram: [...handshakes.buckets()].map(({ value, count }) => ({ us: value, count })),
  };
}

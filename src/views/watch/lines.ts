import type { Point, SessionView } from '../../aggregate/session.js';
import type { SourceEvent } from '../../source/source.js';
import { OUTCOMES } from '../../stream/counters.js';
import type { Host } from '../../terminal/host.js';
import { rate, whole } from '../../terminal/text.js';
import { aside, clock, timestamp, type View, type WatchState } from './view.js';

/** Columns of the line-by-line form, the most important first; new ones are appended. */
const LINE_COLUMNS: readonly (readonly [string, (view: SessionView) => number | undefined])[] = [
  ['half_open', (view) => view.latest?.figures.half_open],
  ['peak', (view) => view.peak],
  ...(['added', ...OUTCOMES, 'cookies', 'refused'] as const).map(
    (name) => [`${name}/s`, (view: SessionView) => view.rates[name]] as const,
  ),
  ['missed', (view) => view.latest?.figures.missed],
  ['lost', (view) => view.latest?.figures.lost],
];

/** Prints one line per count: for pipes, logs, and terminals without escape codes. */
export class LinesView implements View {
  #started = false;

  constructor(
    private readonly host: Host,
    private readonly state: WatchState,
  ) {}

  async show(event: SourceEvent, point: Point | null): Promise<void> {
    await aside(this.host, event);
    if (event.type !== 'count' || point === null) {
      return;
    }
    if (!this.#started) {
      this.#started = true;
      await this.#line(
        'time',
        LINE_COLUMNS.map(([name]) => name),
      );
    }
    const { tty } = this.host.out;
    const values = LINE_COLUMNS.map(([name, of]) => {
      const value = of(this.state.session);
      if (value === undefined) {
        return '-';
      }
      return name.endsWith('/s') ? rate(value, tty) : whole(value, tty);
    });
    await this.#line(this.#time(event.count.time, point), values);
  }

  /**
   * Return the time of day on a terminal, elsewhere date and time. Return seconds of stream time if
   * the clock is not known.
   */
  #time(streamTime: number, point: Point): string {
    const stamp = timestamp(this.state, point);
    if (stamp === null) {
      return streamTime.toFixed(3);
    }
    return this.host.out.tty ? clock(point.time) : stamp;
  }

  #line(time: string, values: readonly string[]): Promise<void> {
    const { out } = this.host;
    const timeWidth = out.tty ? 8 : 24;
    let line = time.padEnd(timeWidth);
    for (const [i, value] of values.entries()) {
      const width = Math.max((LINE_COLUMNS[i]?.[0] ?? '').length, 9);
      const longer = `${line} ${value.padStart(width)}`;
      if (out.tty && longer.length > out.columns) {
        break;
      }
      line = longer;
    }
    return out.write(`${line}\n`);
  }
}

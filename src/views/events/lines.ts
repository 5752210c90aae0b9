import { HalfOpenLines } from '../../chart/halfopen.js';
import { render } from '../../chart/text.js';
import type { Host } from '../../host.js';
import type { HalfOpen } from '../../record/halfopen.js';
import type { Loss } from '../../record/stream.js';
import { Pending } from '../pending.js';
import { Clock, type EventView, type Reading } from './view.js';

/** The columns where stdout is not a terminal; only ever appended to. */
const COLUMNS = 'time event local remote qlen limit outcome age_us synacks';

/** What events in text and in JSON have in common. */
abstract class OneByOne extends Pending implements EventView {
  protected readonly reading: Reading;
  protected readonly clock = new Clock();

  constructor(host: Host, reading: Reading) {
    super(host);
    this.reading = reading;
  }

  abstract event(event: HalfOpen): void;

  async ended(): Promise<void> {}
  async close(): Promise<void> {}
}

/** One line an event: aligned on a terminal, words with one space between elsewhere. */
export class EventLines extends OneByOne {
  readonly #lines = new HalfOpenLines();
  #started = false;

  override event(event: HalfOpen): void {
    const { out } = this.host;
    const { header } = this.reading;
    if (!this.#started) {
      this.#started = true;
      this.line(out.tty ? this.#render(this.#lines.header(out.columns)) : COLUMNS);
    }
    if (out.tty) {
      const time = this.clock.time(header, event.time);
      this.line(this.#render(this.#lines.line(event, time, out.columns)));
      return;
    }
    const { local, remote, qlen, limit, outcome, age_us, synacks } = event;
    const time = this.clock.stamp(header, event.time) ?? event.time.toFixed(9);
    const sign = event.event === 'added' ? '+' : '-';
    const end = `${limit ?? '-'} ${outcome ?? '-'} ${age_us ?? '-'} ${synacks ?? '-'}`;
    this.line(`${time} ${sign} ${local} ${remote} ${qlen} ${end}`);
  }

  #render(line: Parameters<typeof render>[0]): string {
    const { columns, colour } = this.host.out;
    return render(line, columns, colour).trimEnd();
  }
}

/** One object an event, and one for each loss where it happened. */
export class EventJson extends OneByOne {
  override event({ event, time, ...rest }: HalfOpen): void {
    const stamp = this.clock.stamp(this.reading.header, time);
    this.line(JSON.stringify({ event, time: stamp, stream_time: time, ...rest }));
  }

  override loss(loss: Loss): void {
    const { time, of, lost, lost_total, produced_total } = loss;
    this.line(
      JSON.stringify({ event: 'loss', stream_time: time, of, lost, lost_total, produced_total }),
    );
    super.loss(loss);
  }
}

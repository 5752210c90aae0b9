import type { HalfOpen } from '../../aggregate/half-open.js';
import type { Loss } from '../../stream/parser.js';
import type { Frame } from '../../terminal/frame.js';
import type { Host } from '../../terminal/host.js';
import { Stage } from '../../terminal/live-screen.js';
import type { Line } from '../../terminal/text.js';
import { type RecordSource, type RecordView, titleOf } from '../records/view.js';
import { clock, lossWords } from '../watch/view.js';
import type { TallyPicture, TallySubject } from './tally.js';

/** Between two pictures, in ms, unless another interval is asked for. */
const DEFAULT_INTERVAL = 1000;

/** A tally as a full screen, drawn anew at an interval and whenever a key asks for it. */
export class LiveTally implements RecordView<HalfOpen> {
  readonly #stage: Stage;
  readonly #timer: NodeJS.Timeout;
  #frozen: { readonly picture: TallyPicture; readonly clock: string } | null = null;
  #chosen = 0;

  /** @param interval in ms; null for the usual one */
  constructor(
    private readonly host: Host,
    private readonly subject: TallySubject,
    private readonly reading: RecordSource,
    interval: number | null,
  ) {
    this.#stage = new Stage(host, {
      draw: async () => this.#draw(),
      press: (key) => this.#press(key),
    });
    this.#timer = setInterval(() => this.#stage.redraw(), interval ?? DEFAULT_INTERVAL);
    this.#stage.redraw();
  }

  record(): void {}

  loss(loss: Loss): void {
    this.#stage.sayLater(lossWords(loss), `loss ${loss.of}`);
  }

  note(text: string): void {
    this.#stage.sayLater(text, text);
  }

  async flush(): Promise<void> {}
  async finish(): Promise<void> {}

  ended(): Promise<void> {
    return this.#stage.hold();
  }

  close(): Promise<void> {
    clearInterval(this.#timer);
    return this.#stage.close();
  }

  #press(key: string): boolean {
    if (key === 'p' || key === ' ') {
      this.#frozen =
        this.#frozen === null
          ? { picture: this.subject.picture(true), clock: this.#clock() }
          : null;
      return true;
    }
    if (key === 'l' || key === 'L') {
      this.#chosen += 1;
      return true;
    }
    return false;
  }

  #draw(): Line[] {
    const { columns, rows } = this.host.out;
    const picture = this.#frozen?.picture ?? this.subject.picture(false);
    return picture.draw(this.#frame(), { columns, rows }, this.#chosen);
  }

  #clock(): string {
    return this.reading.live ? clock(Date.now() / 1000) : '';
  }

  #frame(): Frame {
    const paused = this.#frozen !== null;
    const hints = ['q quit', paused ? 'p go on' : 'p pause', ...this.subject.keys];
    return {
      name: this.subject.name,
      title: titleOf(this.reading),
      clock: this.#frozen?.clock ?? this.#clock(),
      paused,
      keys: this.#stage.hasKeys ? hints : null,
    };
  }
}

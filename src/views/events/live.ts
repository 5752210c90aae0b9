import type { Frame } from '../../chart/frame.js';
import { type Host, note } from '../../host.js';
import type { Loss } from '../../record/stream.js';
import { Screen } from '../../screen.js';
import { clock, lossWords } from '../view.js';
import type { Picture, Subject } from './tally.js';
import type { EventView, Reading } from './view.js';

/** Between two pictures, in ms, unless another interval is asked for. */
const DEFAULT_INTERVAL = 1000;
/** No more pictures per second than a person or a slow line can take. */
const FRAME_MS = 50;

/** A tally as a full screen, drawn anew at an interval and whenever a key asks for it. */
export class LiveTally implements EventView {
  readonly #host: Host;
  readonly #subject: Subject;
  readonly #reading: Reading;
  readonly #screen: Screen;
  readonly #timer: NodeJS.Timeout;
  readonly #later = new Map<string, string>();
  #frozen: { readonly picture: Picture; readonly clock: string } | null = null;
  #soon: NodeJS.Timeout | null = null;
  #chosen = 0;
  #closed = false;

  /** @param interval in ms; null for the usual one */
  constructor(host: Host, subject: Subject, reading: Reading, interval: number | null) {
    this.#host = host;
    this.#subject = subject;
    this.#reading = reading;
    this.#screen = new Screen(host, (key) => this.#press(key));
    host.out.onResize(() => this.#redraw());
    this.#timer = setInterval(() => this.#redraw(), interval ?? DEFAULT_INTERVAL);
    this.#redraw();
  }

  event(): void {}

  /** Over the picture it would be lost; it is said when the terminal is given back. */
  loss(loss: Loss): void {
    this.#later.set(`loss ${loss.of}`, lossWords(loss));
  }

  note(text: string): void {
    this.#later.set(text, text);
  }

  async flush(): Promise<void> {}

  async ended(): Promise<void> {
    if (!this.#screen.hasKeys) {
      return;
    }
    this.#redraw();
    const { signal } = this.#host;
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    if (this.#soon !== null) {
      clearTimeout(this.#soon);
    }
    this.#screen.leave();
    for (const text of this.#later.values()) {
      await note(this.#host, text);
    }
  }

  #press(key: string): void {
    if (key === 'q' || key === 'Q' || key === '\u0003' || key === '\u0004') {
      this.#host.stop();
    } else if (key === '\u001a') {
      this.#screen.leave();
      void this.#host.suspend().then(() => this.#redraw());
    } else if (key === 'p' || key === ' ') {
      this.#frozen =
        this.#frozen === null
          ? { picture: this.#subject.picture(true), clock: this.#clock() }
          : null;
    } else if (key === 'l' || key === 'L') {
      this.#chosen += 1;
    } else {
      return;
    }
    this.#redraw();
  }

  #redraw(): void {
    if (this.#soon === null && !this.#closed) {
      this.#soon = setTimeout(() => void this.#draw(), FRAME_MS);
    }
  }

  async #draw(): Promise<void> {
    this.#soon = null;
    if (this.#closed || this.#host.signal.aborted) {
      return;
    }
    const { columns, rows } = this.#host.out;
    const picture = this.#frozen?.picture ?? this.#subject.picture(false);
    const lines = picture.draw(this.#frame(), { columns, rows }, this.#chosen);
    await this.#screen.draw(lines).catch(() => this.#host.stop());
  }

  #clock(): string {
    return this.#reading.live ? clock(Date.now() / 1000) : '';
  }

  #frame(): Frame {
    const paused = this.#frozen !== null;
    const { header, from } = this.#reading;
    const hints = ['q quit', paused ? 'p go on' : 'p pause', ...this.#subject.keys];
    return {
      name: this.#subject.name,
      title: [
        ...from,
        ...(header?.kernel == null ? [] : [header.kernel]),
        ...(header?.netns == null ? [] : [`netns ${header.netns}`]),
      ],
      clock: this.#frozen?.clock ?? this.#clock(),
      paused,
      keys: this.#screen.hasKeys ? hints : null,
    };
  }
}

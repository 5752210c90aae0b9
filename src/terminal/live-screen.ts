import { once } from 'node:events';
import { type Host, note } from './host.js';
import { Screen } from './screen.js';
import type { Line } from './text.js';

/** Minimum time between two pictures in ms, for people and slow lines. */
const FRAME_MS = 50;

/** The content of a stage. */
interface Play {
  draw(): Promise<Line[]>;
  /**
   * @returns whether the key has an effect; the stage itself handles the keys that every screen has
   */
  press(key: string): boolean;
}

/** A full screen that is redrawn on changes. It handles the keys that every screen has. */
export class Stage {
  readonly #screen: Screen;
  readonly #later = new Map<string, string>();
  #closed = false;
  #timer: NodeJS.Timeout | null = null;
  #lastFrame = 0;

  constructor(
    private readonly host: Host,
    private readonly play: Play,
  ) {
    this.#screen = new Screen(host, (key) => this.#press(key));
    host.out.onResize(() => this.redraw());
  }

  get hasKeys(): boolean {
    return this.#screen.hasKeys;
  }

  /** Draw soon, but not more often than a person can see. */
  redraw(): void {
    if (this.#timer === null && !this.#closed) {
      const wait = Math.max(0, this.#lastFrame + FRAME_MS - performance.now());
      this.#timer = setTimeout(() => void this.#draw(), wait);
    }
  }

  /** Print a note, or keep it until the screen ends, since the picture would cover it. */
  async say(text: string): Promise<void> {
    if (this.#screen.entered) {
      this.sayLater(text, text);
    } else {
      await note(this.host, text);
    }
  }

  /** Print a note when the screen ends; of several with the same subject, only the last. */
  sayLater(text: string, about: string): void {
    this.#later.set(about, text);
  }

  /** Keep the picture until the user ends the command. */
  async hold(): Promise<void> {
    if (!this.#screen.hasKeys) {
      return;
    }
    this.redraw();
    const { signal } = this.host;
    // Keeps the process alive.
    const held = setInterval(() => {}, 60_000);
    await once(signal, 'abort');
    clearInterval(held);
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#timer !== null) {
      clearTimeout(this.#timer);
    }
    this.#screen.leave();
    for (const text of this.#later.values()) {
      await note(this.host, text);
    }
  }

  #press(key: string): void {
    if (key === 'q' || key === 'Q' || key === '\u0003' || key === '\u0004') {
      this.host.stop();
    } else if (key === '\u001a') {
      this.#screen.leave();
      void this.host.suspend().then(() => this.redraw());
    } else if (this.play.press(key)) {
      this.redraw();
    }
  }

  async #draw(): Promise<void> {
    this.#timer = null;
    this.#lastFrame = performance.now();
    const lines = await this.play.draw();
    if (!this.#closed && !this.host.signal.aborted) {
      await this.#screen.draw(lines);
    }
  }
}

/**
 * The span of a chart, which the keys + and - change. For a whole recording, the longest span is
 * all of it.
 */
export class TimeSpan {
  /** The current span; null for all of the recording. */
  seconds: number | null;

  constructor(
    private readonly steps: readonly number[],
    first: number,
    private readonly whole: boolean,
  ) {
    this.seconds = whole ? null : first;
  }

  /**
   * @param all seconds that the input spans so far
   * @returns whether the key changes the span
   */
  press(key: string, all: number): boolean {
    const now = this.seconds ?? all;
    if (key === '+' || key === '=') {
      const longer = this.steps.find((step) => step > now);
      this.seconds = this.whole && (longer ?? all) >= all ? null : (longer ?? now);
      return true;
    }
    if (key === '-' || key === '_') {
      this.seconds = this.steps.findLast((step) => step < now) ?? this.steps[0] ?? now;
      return true;
    }
    return false;
  }
}

import { release } from 'node:os';
import type { Scene } from '../chart/watch.js';
import { type Host, note } from '../host.js';
import { Screen } from '../screen.js';
import { duration } from '../source/pace.js';
import type { SourceEvent } from '../source/source.js';
import { clock, type State, type View } from './view.js';

/** What + and - go through, in seconds. */
const SPANS = [10, 30, 60, 120, 300, 600, 1800, 3600];
const DEFAULT_SPAN = 60;

/** Seconds of a session that can be shown. */
export const LONGEST_SPAN = 3600;

/** No more pictures per second than a person or a slow line can take. */
const FRAME_MS = 50;

/** The live screen. */
export class LiveView implements View {
  readonly #host: Host;
  readonly #state: State;
  readonly #screen: Screen;
  readonly #whole: boolean;
  readonly #later = new Set<string>();
  #span: number | null;
  #expanded = false;
  #frozen: Scene | null = null;
  #atEnd = false;
  #closed = false;
  #timer: NodeJS.Timeout | null = null;
  #lastFrame = 0;

  constructor(host: Host, state: State, whole: boolean) {
    this.#host = host;
    this.#state = state;
    this.#whole = whole;
    this.#span = whole ? null : DEFAULT_SPAN;
    this.#screen = new Screen(host, (key) => this.#press(key));
    host.out.onResize(() => this.#redraw());
  }

  async show(event: SourceEvent): Promise<void> {
    if (event.type === 'note') {
      // Over the picture it would be lost; it is said when the terminal is given back.
      if (this.#screen.entered) {
        this.#later.add(event.text);
      } else {
        await note(this.#host, event.text);
      }
    } else if (event.type === 'count' || event.type === 'waiting') {
      this.#redraw();
    }
  }

  async ended(): Promise<void> {
    if (!this.#screen.hasKeys) {
      return;
    }
    this.#atEnd = true;
    this.#redraw();
    const { signal } = this.#host;
    // Holds the process while the picture is looked at.
    const hold = setInterval(() => {}, 60_000);
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    clearInterval(hold);
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#timer !== null) {
      clearTimeout(this.#timer);
    }
    this.#screen.leave();
    for (const text of this.#later) {
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
      this.#frozen = this.#frozen === null ? this.#freeze() : null;
    } else if (key === '+' || key === '=') {
      this.#zoom((span) => SPANS.find((longer) => longer > span) ?? (this.#whole ? null : span));
    } else if (key === '-' || key === '_') {
      this.#zoom((span) => SPANS.findLast((shorter) => shorter < span) ?? SPANS[0] ?? span);
    } else if (key === 'l' || key === 'L') {
      this.#expanded = !this.#expanded;
    } else {
      return;
    }
    this.#redraw();
  }

  #zoom(step: (span: number) => number | null): void {
    const { points } = this.#state.session;
    const all = (points.at(-1)?.time ?? 0) - (points[0]?.time ?? 0);
    this.#span = step(this.#span ?? all);
  }

  #redraw(): void {
    if (this.#timer === null && !this.#closed) {
      const wait = Math.max(0, this.#lastFrame + FRAME_MS - performance.now());
      this.#timer = setTimeout(() => void this.#draw(), wait);
    }
  }

  async #draw(): Promise<void> {
    this.#timer = null;
    this.#lastFrame = performance.now();
    const { drawWatch } = await import('../chart/watch.js');
    if (this.#closed || this.#host.signal.aborted) {
      return;
    }
    const { columns, rows } = this.#host.out;
    await this.#screen.draw(drawWatch(this.#scene(), { columns, rows }));
  }

  #freeze(): Scene {
    return { ...this.#scene(), view: this.#state.session.snapshot(), paused: true };
  }

  #scene(): Scene {
    const { session, info, header, listeners, waiting, interval } = this.#state;
    const now = this.#frozen ?? {
      title: [
        info === null || info.source === 'file' ? (info?.from ?? '') : info.source,
        header?.kernel ?? (interval === null ? '' : release()),
        header?.netns == null ? '' : `netns ${header.netns}`,
        interval === null ? '' : `every ${duration(interval)}`,
      ].filter((part) => part !== ''),
      clock: clock(interval === null ? (session.latest?.time ?? 0) : Date.now() / 1000),
      view: session,
      listeners,
      waiting: waiting ? 'waiting for the module' : null,
      paused: false,
      edge: this.#atEnd || info?.live !== true ? ('end' as const) : ('now' as const),
      keys: this.#screen.hasKeys,
      notKnown: info?.notKnown ?? [],
    };
    return { ...now, span: this.#span, expanded: this.#expanded };
  }
}

import { release } from 'node:os';
import { duration } from '../../source/pace.js';
import type { SourceEvent } from '../../source/source.js';
import type { Size } from '../../terminal/frame.js';
import type { Host } from '../../terminal/host.js';
import { TimeSpan } from '../../terminal/live-screen.js';
import { ScreenView } from '../screen.js';
import type { WatchScene } from './chart.js';
import { clock, type View, type WatchState } from './view.js';

const SPANS = [10, 30, 60, 120, 300, 600, 1800, 3600];
const DEFAULT_SPAN = 60;

/** Maximum seconds of a session that can be shown. */
export const LONGEST_SPAN = 3600;

/** The live screen. */
export class LiveView extends ScreenView implements View {
  readonly #span: TimeSpan;
  #expanded = false;
  #frozen: WatchScene | null = null;

  constructor(
    host: Host,
    private readonly state: WatchState,
    whole: boolean,
  ) {
    super(host);
    this.#span = new TimeSpan(SPANS, DEFAULT_SPAN, whole);
  }

  async show(event: SourceEvent): Promise<void> {
    if (event.type === 'note') {
      await this.stage.say(event.text);
    } else if (event.type === 'count' || event.type === 'waiting') {
      this.stage.redraw();
    }
  }

  protected override press(key: string): boolean {
    if (key === 'p' || key === ' ') {
      this.#frozen = this.#frozen === null ? this.#freeze() : null;
      return true;
    }
    if (key === 'l' || key === 'L') {
      this.#expanded = !this.#expanded;
      return true;
    }
    const { points } = this.state.session;
    return this.#span.press(key, (points.at(-1)?.time ?? 0) - (points[0]?.time ?? 0));
  }

  protected override async draw(size: Size) {
    const { drawWatch } = await import('./chart.js');
    return drawWatch(this.#scene(), size);
  }

  #freeze(): WatchScene {
    return { ...this.#scene(), view: this.state.session.snapshot(), paused: true };
  }

  #scene(): WatchScene {
    const { session, info, header, listeners, waiting, interval } = this.state;
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
      edge: this.isAtEnd || info?.live !== true ? ('end' as const) : ('now' as const),
      keys: this.stage.hasKeys,
      notKnown: info?.notKnown ?? [],
    };
    return { ...now, span: this.#span.seconds, expanded: this.#expanded };
  }
}

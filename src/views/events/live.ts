import type { HalfOpen } from '../../aggregate/half-open.js';
import type { Frame, Size } from '../../terminal/frame.js';
import type { Host } from '../../terminal/host.js';
import type { Line } from '../../terminal/text.js';
import { clockOf, type RecordSource, type RecordView, titleOf } from '../records/view.js';
import { ScreenView } from '../screen.js';
import type { TallyPicture, TallySubject } from './tally.js';

/** Default interval between two pictures, in ms. */
const DEFAULT_INTERVAL = 1000;

/** A tally as a full screen, redrawn at an interval and when a key requires it. */
export class LiveTally extends ScreenView implements RecordView<HalfOpen> {
  readonly #timer: NodeJS.Timeout;
  #frozen: { readonly picture: TallyPicture; readonly clock: string } | null = null;
  #chosen = 0;

  /** @param interval in ms; null for the default */
  constructor(
    host: Host,
    private readonly subject: TallySubject,
    private readonly reading: RecordSource,
    interval: number | null,
  ) {
    super(host);
    this.#timer = setInterval(() => this.stage.redraw(), interval ?? DEFAULT_INTERVAL);
    this.stage.redraw();
  }

  override close(): Promise<void> {
    clearInterval(this.#timer);
    return super.close();
  }

  protected override press(key: string): boolean {
    if (key === 'p' || key === ' ') {
      this.#frozen =
        this.#frozen === null
          ? { picture: this.subject.picture(true), clock: clockOf(this.reading) }
          : null;
      return true;
    }
    if (key === 'l' || key === 'L') {
      this.#chosen += 1;
      return true;
    }
    return false;
  }

  protected override draw(size: Size): Line[] {
    const picture = this.#frozen?.picture ?? this.subject.picture(false);
    return picture.draw(this.#frame(), size, this.#chosen);
  }

  #frame(): Frame {
    const paused = this.#frozen !== null;
    const hints = ['q quit', paused ? 'p go on' : 'p pause', ...this.subject.keys];
    return {
      name: this.subject.name,
      title: titleOf(this.reading),
      clock: this.#frozen?.clock ?? clockOf(this.reading),
      paused,
      keys: this.stage.hasKeys ? hints : null,
    };
  }
}

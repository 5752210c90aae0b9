import type { Loss } from '../stream/parser.js';
import type { Size } from '../terminal/frame.js';
import type { Host } from '../terminal/host.js';
import { Stage } from '../terminal/live-screen.js';
import type { Line } from '../terminal/text.js';
import { lossWords } from './watch/view.js';

/** A view as a full screen. Notes are printed when the screen ends. */
export abstract class ScreenView {
  protected readonly stage: Stage;
  /** Whether the input has ended. */
  protected isAtEnd = false;

  constructor(protected readonly host: Host) {
    this.stage = new Stage(host, {
      draw: async () => this.draw({ columns: host.out.columns, rows: host.out.rows }),
      press: (key) => this.press(key),
    });
  }

  protected abstract draw(size: Size): Line[] | Promise<Line[]>;

  /** @returns whether the key has an effect */
  protected abstract press(key: string): boolean;

  loss(loss: Loss): void {
    this.stage.sayLater(lossWords(loss), `loss ${loss.of}`);
  }

  note(text: string, about = text): void {
    this.stage.sayLater(text, about);
  }

  async flush(): Promise<void> {}

  async ended(): Promise<void> {
    this.isAtEnd = true;
    await this.stage.hold();
  }

  close(): Promise<void> {
    return this.stage.close();
  }
}

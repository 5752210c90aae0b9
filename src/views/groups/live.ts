import type { Groups } from '../../aggregate/groups.js';
import type { Loss } from '../../stream/parser.js';
import { type Host, note } from '../../terminal/host.js';
import { Stage } from '../../terminal/live-screen.js';
import type { Line } from '../../terminal/text.js';
import { type RecordSource, titleOf } from '../records/view.js';
import { clock, lossWords } from '../watch/view.js';
import { drawGroups, type GroupScene } from './chart.js';
import { type Controls, FIRST, hints, press } from './controls.js';
import { type GroupSubject, type GroupView, sceneOf } from './view.js';

/** The groups as a full screen, drawn anew by the interval and whenever a key asks for it. */
export class GroupScreen<R> implements GroupView<R> {
  readonly #stage: Stage;
  #controls: Controls = FIRST;
  /** Of each grouping what stood when it was paused. */
  #frozen: { readonly scenes: readonly GroupScene[]; readonly clock: string } | null = null;

  constructor(
    private readonly host: Host,
    private readonly subject: GroupSubject<R>,
    private readonly reading: RecordSource,
  ) {
    this.#stage = new Stage(host, {
      draw: async () => this.#draw(),
      press: (key) => this.#press(key),
    });
    this.#stage.redraw();
  }

  record(): void {}

  interval(): void {
    this.#stage.redraw();
  }

  loss(loss: Loss): void {
    this.#stage.sayLater(lossWords(loss), `loss ${loss.of}`);
  }

  note(text: string, about = text): void {
    if (this.host.err.tty) {
      this.#stage.sayLater(text, about);
    } else {
      // Nothing is drawn over it there, and who reads it wants it now.
      void note(this.host, text);
    }
  }

  async flush(): Promise<void> {
    // How far it has come; else the figures change by the interval only, so that they can be read.
    if (this.subject.whole) {
      this.#stage.redraw();
    }
  }
  async finish(): Promise<void> {}

  ended(): Promise<void> {
    return this.#stage.hold();
  }

  close(): Promise<void> {
    return this.#stage.close();
  }

  #press(key: string): boolean {
    const before = this.#controls;
    const now = press(before, key, this.reading.live);
    if (now === null) {
      return false;
    }
    const { board } = this.subject;
    this.#controls = now;
    if (now.stopped !== before.stopped) {
      board.counting = !now.stopped;
    }
    if (now.resets !== before.resets) {
      board.clear();
    }
    if (now.paused !== before.paused) {
      this.#frozen = now.paused
        ? { scenes: board.groups.map((one) => this.#sceneOf(one)), clock: this.#clock() }
        : null;
    }
    return true;
  }

  #sceneOf(groups: Groups<R>): GroupScene {
    return sceneOf(this.subject, { grouping: groups.grouping, standing: groups.standing() });
  }

  #draw(): Line[] {
    const { columns, rows } = this.host.out;
    const { board, things } = this.subject;
    const { grouping, paused } = this.#controls;
    const at = grouping % board.groups.length;
    const shown = board.groups[at] ?? board.groups[0];
    const scene = this.#frozen?.scenes[at] ?? this.#sceneOf(shown);
    const frame = {
      name: `tcpsynq ${things} --by ${shown.grouping.by}`,
      title: titleOf(this.reading),
      clock: this.#frozen?.clock ?? this.#clock(),
      paused,
      keys: this.#stage.hasKeys ? hints(this.#controls, this.reading.live) : null,
    };
    return drawGroups(scene, frame, { columns, rows });
  }

  #clock(): string {
    return this.reading.live ? clock(Date.now() / 1000) : '';
  }
}

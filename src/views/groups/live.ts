import type { Groups } from '../../aggregate/groups.js';
import type { Size } from '../../terminal/frame.js';
import { type Host, note } from '../../terminal/host.js';
import type { Line } from '../../terminal/text.js';
import { clockOf, type RecordSource, titleOf } from '../records/view.js';
import { ScreenView } from '../screen.js';
import { drawGroups, type GroupScene } from './chart.js';
import { type Controls, FIRST, hints, press } from './controls.js';
import { type GroupSubject, type GroupView, sceneOf } from './view.js';

/** The groups as a full screen, redrawn at each interval and when a key requires it. */
export class GroupScreen<R> extends ScreenView implements GroupView<R> {
  #controls: Controls = FIRST;
  /** The scene of each grouping at the time of the pause. */
  #frozen: { readonly scenes: readonly GroupScene[]; readonly clock: string } | null = null;

  constructor(
    host: Host,
    private readonly subject: GroupSubject<R>,
    private readonly reading: RecordSource,
  ) {
    super(host);
    this.stage.redraw();
  }

  interval(): void {
    this.stage.redraw();
  }

  override note(text: string, about = text): void {
    if (this.host.err.tty) {
      super.note(text, about);
    } else {
      // The screen does not cover a redirected stderr, and its reader wants the note now.
      void note(this.host, text);
    }
  }

  override async flush(): Promise<void> {
    // Show the progress of a whole capture. Otherwise figures change only once per interval, so
    // that people can read them.
    if (this.subject.whole) {
      this.stage.redraw();
    }
  }

  protected override press(key: string): boolean {
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
        ? { scenes: board.groups.map((one) => this.#sceneOf(one)), clock: clockOf(this.reading) }
        : null;
    }
    return true;
  }

  #sceneOf(groups: Groups<R>): GroupScene {
    return sceneOf(this.subject, { grouping: groups.grouping, standing: groups.standing() });
  }

  protected override draw(size: Size): Line[] {
    const { board, things } = this.subject;
    const { grouping, paused } = this.#controls;
    const at = grouping % board.groups.length;
    const shown = board.groups[at] ?? board.groups[0];
    const scene = this.#frozen?.scenes[at] ?? this.#sceneOf(shown);
    const frame = {
      name: `tcpsynq ${things} --by ${shown.grouping.by}`,
      title: titleOf(this.reading),
      clock: this.#frozen?.clock ?? clockOf(this.reading),
      paused,
      keys: this.stage.hasKeys ? hints(this.#controls, this.reading.live) : null,
    };
    return drawGroups(scene, frame, size);
  }
}

import type { Size } from '../../terminal/frame.js';
import type { Host } from '../../terminal/host.js';
import { TimeSpan } from '../../terminal/live-screen.js';
import { titleOf } from '../records/view.js';
import { ScreenView } from '../screen.js';
import type { ShownTrace, TraceScene } from './chart.js';
import type { TraceSubject, TraceView } from './view.js';

const SPANS = [10, 30, 60, 120, 300, 600];
const DEFAULT_SPAN = 60;

/** Maximum seconds of a connection that can be shown. */
export const LONGEST_SPAN = 600;

const UP = new Set(['\u001b[A', '\u001bOA', 'k']);
const DOWN = new Set(['\u001b[B', '\u001bOB', 'j']);

/** Charts of one connection and a table of all, full screen. */
export class TraceScreen extends ScreenView implements TraceView {
  readonly #span: TimeSpan;
  #frozen: TraceScene | null = null;
  /** The id of the connection with charts; null for the one that is the busiest at the time. */
  #chosen: number | null = null;
  #marked: number | null = null;

  /** @param whole whether the input is a recording that is read to its end at once */
  constructor(
    host: Host,
    private readonly subject: TraceSubject,
    private readonly whole: boolean,
  ) {
    super(host);
    this.#span = new TimeSpan(SPANS, DEFAULT_SPAN, whole);
  }

  override note(text: string): void {
    void this.stage.say(text);
  }

  override async flush(): Promise<void> {
    // A recording is drawn after reading: before that, the span has no end.
    if (!this.whole) {
      this.stage.redraw();
    }
  }

  protected override press(key: string): boolean {
    const scene = this.#scene();
    if (UP.has(key) || DOWN.has(key)) {
      this.#move(scene, UP.has(key) ? -1 : 1);
      return true;
    }
    if (key === '\r' || key === '\n') {
      const wanted = scene.marked?.id ?? null;
      this.#chosen = this.#chosen === wanted ? null : wanted;
      this.#marked = null;
      return true;
    }
    if (key === 'p' || key === ' ') {
      this.#frozen = this.#frozen === null ? frozen(scene) : null;
      return true;
    }
    const items = scene.charted?.series.items ?? [];
    return this.#span.press(key, scene.now - (items[0]?.time ?? scene.now));
  }

  /** Move the mark down by a number of lines, but not beyond the first or the last. */
  #move({ connections, marked }: TraceScene, lines: number): void {
    const at = marked === null ? 0 : connections.indexOf(marked);
    const next = Math.max(0, Math.min(connections.length - 1, at + lines));
    this.#marked = connections[next]?.id ?? null;
  }

  protected override async draw(size: Size) {
    const { drawTrace } = await import('./chart.js');
    return drawTrace(this.#scene(), size);
  }

  #scene(): TraceScene {
    const { trace, info } = this.subject;
    const { header } = trace;
    const connections: readonly ShownTrace[] = this.#frozen?.connections ?? trace.busiest();
    const byId = (id: number | null) => connections.find((one) => one.id === id);
    const charted = byId(this.#chosen) ?? connections[0] ?? null;
    const date = trace.clock.date(trace.now);
    return {
      edge: this.isAtEnd || !info.live ? 'end' : 'now',
      lost: trace.lost,
      forgotten: trace.connections.forgotten,
      now: trace.now,
      unit: this.subject.unit(),
      ...this.#frozen,
      connections,
      charted,
      marked: byId(this.#marked) ?? charted,
      span: this.#span.seconds,
      frame: {
        name: 'tcpsynq trace',
        title: titleOf({ from: [info.source === 'file' ? info.from : info.source], header }),
        clock: date?.toTimeString().slice(0, 8) ?? `${trace.now.toFixed(1)} s`,
        paused: this.#frozen !== null,
        keys: this.#keys(connections.length),
      },
    };
  }

  /** Return the keys that have an effect now; null without a keyboard. */
  #keys(connections: number): string[] | null {
    if (!this.stage.hasKeys) {
      return null;
    }
    const keys = ['q quit', this.#frozen === null ? 'p pause' : 'p go on', '+/- span'];
    if (connections > 1) {
      keys.push('↑/↓ select', this.#chosen === null ? 'enter chart' : 'enter chart/busiest');
    }
    return keys;
  }
}

/** Return a scene that later samples do not change. */
function frozen(scene: TraceScene): TraceScene {
  const connections = scene.connections.map((one) => ({
    ...one,
    series: { items: one.series.items.slice() },
  }));
  return { ...scene, connections };
}

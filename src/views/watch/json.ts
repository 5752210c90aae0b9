import { release } from 'node:os';
import type { Point } from '../../aggregate/session.js';
import { byFullness } from '../../proc/listeners.js';
import type { SourceEvent } from '../../source/source.js';
import type { Host } from '../../terminal/host.js';
import { jsonLine } from '../../terminal/printable.js';
import { lossObject } from '../records/lines.js';
import { aside, timestamp, type View, type WatchState } from './view.js';

/** Prints one object per count, and one for each other event. */
export class JsonView implements View {
  constructor(
    private readonly host: Host,
    private readonly state: WatchState,
  ) {}

  async show(event: SourceEvent, point: Point | null): Promise<void> {
    const { info, header, listeners, session, interval } = this.state;
    await aside(this.host, event);
    if (event.type === 'waiting') {
      await this.#line({ event: 'waiting' });
    } else if (event.type === 'loss') {
      await this.#line(lossObject(event.loss));
    } else if (event.type === 'count' && point !== null) {
      const fullest = [...(listeners ?? [])].sort(byFullness)[0];
      await this.#line({
        event: 'count',
        time: timestamp(this.state, point),
        stream_time: event.count.time,
        epoch: point.epoch,
        source: info?.source,
        from: info?.from,
        kernel: header?.kernel ?? (interval === null ? null : release()),
        netns: header?.netns,
        ...event.count.figures,
        per_second: session.rates,
        ...(fullest === undefined
          ? {}
          : { fullest: { local: fullest.local, qlen: fullest.qlen, holds: fullest.holds } }),
        not_known: info?.notKnown ?? [],
      });
    }
  }

  #line(object: object): Promise<void> {
    return this.host.out.write(jsonLine(object));
  }
}

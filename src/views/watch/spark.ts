import type { Point } from '../../aggregate/session.js';
import type { SourceEvent } from '../../source/source.js';
import type { Host } from '../../terminal/host.js';
import { whole } from '../../terminal/text.js';
import { sparkline } from './series.js';
import { aside, type View, type WatchState } from './view.js';

/** Return a view of a sparkline: rewritten in place on a terminal, a line per count elsewhere. */
export function sparkView(host: Host, { session }: WatchState): View {
  const { out } = host;
  let isDrawn = false;
  const endLine = async () => {
    if (isDrawn) {
      isDrawn = false;
      await out.write('\n');
    }
  };
  return {
    close: endLine,
    async show(event: SourceEvent, point: Point | null): Promise<void> {
      if (event.type === 'note' || event.type === 'waiting' || event.type === 'loss') {
        await endLine();
        await aside(host, event);
      }
      if (point === null) {
        return;
      }
      const start = `half-open ${whole(point.figures.half_open ?? 0, out.tty)} `;
      const end = ` peak ${whole(session.peak, out.tty)}`;
      const room = out.tty ? out.columns - start.length - end.length - 1 : 30;
      const values = session.points.slice(-Math.max(0, Math.min(room, 60))).map(({ high }) => high);
      const text = `${start}${sparkline(values)}${end}`;
      if (out.steerable) {
        isDrawn = true;
        await out.write(`\r${text.slice(0, out.columns - 1)}\u001b[K`);
      } else {
        await out.write(`${text}\n`);
      }
    },
  };
}

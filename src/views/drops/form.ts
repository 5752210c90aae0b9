import type { Drop } from '../../aggregate/drop.js';
import type { Form } from '../records/lines.js';
import { stackLines } from '../records/stack.js';
import { DropLines } from './line.js';

/** How dropped packets are printed, each by itself. */
export function dropForm(stacks: boolean): Form<Drop> {
  return {
    columns: 'time location reason local remote state flags length proto',
    aligned: new DropLines(),
    words({ location, reason, local, remote, state, flags, length, proto }, time) {
      return [time, location, reason, local, remote, state, flags, length, proto]
        .map((word) => word ?? '-')
        .join(' ');
    },
    ...(stacks ? { below: ({ stack }) => stackLines(stack) } : {}),
    object({ time, ...rest }, stamp) {
      return { event: 'drop', time: stamp, stream_time: time, ...rest };
    },
  };
}

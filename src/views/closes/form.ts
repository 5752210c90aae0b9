import type { Close } from '../../aggregate/close.js';
import type { Form } from '../records/lines.js';
import { stackLines } from '../records/stack.js';
import { CloseLines } from './line.js';

/** How closed connections are printed, each by itself. */
export function closeForm(stacks: boolean): Form<Close> {
  return {
    columns: 'time local remote state cause',
    aligned: new CloseLines(),
    words({ local, remote, state, cause }, time) {
      return [time, local, remote, state, cause].map((word) => word ?? '-').join(' ');
    },
    ...(stacks ? { below: ({ stack }) => stackLines(stack) } : {}),
    object({ time, ...rest }, stamp) {
      return { event: 'close', time: stamp, stream_time: time, ...rest };
    },
  };
}

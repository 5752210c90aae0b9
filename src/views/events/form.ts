import type { HalfOpen } from '../../aggregate/half-open.js';
import type { Form } from '../records/lines.js';
import { HalfOpenLines } from './half-open.js';

/** How half-opens are printed as they are added and removed. */
export function halfOpenForm(): Form<HalfOpen> {
  return {
    columns: 'time event local remote qlen limit outcome age_us synacks',
    aligned: new HalfOpenLines(),
    words({ event, local, remote, qlen, limit, outcome, age_us, synacks }, time) {
      const sign = event === 'added' ? '+' : '-';
      const end = `${limit ?? '-'} ${outcome ?? '-'} ${age_us ?? '-'} ${synacks ?? '-'}`;
      return `${time} ${sign} ${local} ${remote} ${qlen} ${end}`;
    },
    object({ event, time, ...rest }, stamp) {
      return { event, time: stamp, stream_time: time, ...rest };
    },
  };
}

import type { HalfOpen } from '../../aggregate/half-open.js';
import { AlignedLines, numberColumn, timeColumn, wordColumn } from '../../terminal/aligned.js';
import { type Look, micros, whole } from '../../terminal/text.js';
import type { Form } from '../records/lines.js';

const LOOKS: Readonly<Record<string, Look>> = {
  completed: 'good',
  expired: 'bad',
  reset: 'warn',
  unreachable: 'warn',
};

/** Return the form of half-opens, as they are added and removed. */
export function halfOpenForm(): Form<HalfOpen> {
  return {
    columns: 'time event local remote qlen limit outcome age_us synacks',
    aligned: new AlignedLines([
      timeColumn(6),
      {
        ...wordColumn('', 0, 1, ({ event }) => (event === 'added' ? '+' : '-')),
        look: ({ event }) => (event === 'added' ? 'bold' : 'dim'),
      },
      wordColumn('REMOTE', 1, 15, ({ remote }) => remote),
      wordColumn('LOCAL', 5, 8, ({ local }) => local),
      numberColumn('QUEUE', 3, 5, ({ qlen, limit }) =>
        limit === null ? whole(qlen, true) : `${whole(qlen, true)}/${whole(limit, true)}`,
      ),
      {
        ...wordColumn('OUTCOME', 2, 9, ({ outcome }) => outcome ?? ''),
        look: ({ outcome }) => LOOKS[outcome ?? ''],
      },
      numberColumn('AGE', 4, 7, ({ age_us }) => (age_us === null ? '' : micros(age_us))),
      numberColumn('SYN-ACKS', 7, 8, ({ synacks }) =>
        synacks === null ? '' : whole(synacks, true),
      ),
    ]),
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

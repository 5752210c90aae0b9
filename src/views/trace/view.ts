import type { Trace, Traced } from '../../aggregate/trace.js';
import type { SourceInfo } from '../../source/source.js';
import type { Row } from '../../stream/row.js';
import type { SrttUnit } from '../../stream/srtt.js';
import type { RecordView } from '../records/view.js';

/** What a view shows. */
export interface TraceSubject {
  readonly trace: Trace;
  readonly info: SourceInfo;
  /** What srtt is shown in; what is known of it may come with the first sample. */
  unit(): SrttUnit;
}

/** One way to show a trace. What it is told is shown, in order, by the next `flush`. */
export interface TraceView extends Omit<RecordView<never>, 'record' | 'finish' | 'isFull'> {
  sample?(connection: Traced, row: Row): void;
  /** Nothing more should be given before the next `flush`. */
  readonly isFull?: boolean;
  /** @param seconds that it took; null for too short an end of one to tell a rate from */
  interval?(end: number, seconds: number | null, connections: readonly Traced[]): void;
}

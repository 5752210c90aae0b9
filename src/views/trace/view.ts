import type { Trace, Traced } from '../../aggregate/trace.js';
import type { SourceInfo } from '../../source/source.js';
import type { Row } from '../../stream/row.js';
import type { SrttUnit } from '../../stream/srtt.js';
import type { RecordView } from '../records/view.js';

/** The subject of a view. */
export interface TraceSubject {
  readonly trace: Trace;
  readonly info: SourceInfo;
  /** Return the unit of srtt, which may become known with the first sample. */
  unit(): SrttUnit;
}

/** A way to show a trace. The next `flush` shows its input in order. */
export interface TraceView extends Omit<RecordView<never>, 'record' | 'finish' | 'isFull'> {
  sample?(connection: Traced, row: Row): void;
  /** Whether to wait for the next `flush` before more input. */
  readonly isFull?: boolean;
  /**
   * Show an interval that has ended.
   *
   * @param seconds its length; null if too short for a rate
   */
  interval?(end: number, seconds: number | null, connections: readonly Traced[]): void;
}

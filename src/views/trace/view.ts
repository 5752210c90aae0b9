import type { Trace, Traced } from '../../aggregate/trace.js';
import type { SourceInfo } from '../../source/source.js';
import type { Loss } from '../../stream/parser.js';
import type { Row } from '../../stream/row.js';
import type { SrttUnit } from '../../stream/srtt.js';

/** What a view shows. */
export interface TraceSubject {
  readonly trace: Trace;
  readonly info: SourceInfo;
  /** What srtt is shown in; what is known of it may come with the first sample. */
  unit(): SrttUnit;
}

/** One way to show a trace. What it is told is shown, in order, by the next `flush`. */
export interface TraceView {
  /** Nothing more should be given before the next `flush`. */
  readonly isFull?: boolean;
  sample(connection: Traced, row: Row): void;
  /** @param seconds that it took; null for too short an end of one to tell a rate from */
  interval(end: number, seconds: number | null, connections: readonly Traced[]): void;
  /** Samples were lost before what is told next. */
  loss(loss: Loss): void;
  /** Something the person should know, for stderr. */
  note(text: string): void;
  flush(): Promise<void>;
  /** A recording has been read to its end. */
  ended(): Promise<void>;
  close(): Promise<void>;
}

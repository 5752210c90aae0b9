import type { SrttUnit } from '../stream/srtt.js';
import type { Findings } from './findings.js';

/** What the sections of a report are made from. */
export interface Context {
  readonly findings: Findings;
  /** What was read, in words. */
  readonly name: string;
  /** Why the reading ended before the capture did; null if it did not. */
  readonly cut: string | null;
  /** How many connections are shown, the busiest first. */
  readonly connections: number;
  readonly unit: SrttUnit;
  /** Of the command that makes the report. */
  readonly version: string;
}

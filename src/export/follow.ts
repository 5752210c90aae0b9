import { Failure } from '../failure.js';
import type { Bytes } from '../source/bytes.js';
import { pause } from '../source/pace.js';
import { readBatches } from '../stream/reader.js';
import type { StreamMetrics } from './stream.js';

type Stream = Pick<Bytes, 'chunks'>;

/** Interval between two attempts to open the stream, in ms. */
const PATIENCE = 5000;

/**
 * Read the stream until the signal comes. If the module is unloaded, open the stream again once the
 * module is back.
 *
 * @param open opens a tap, which pins the namespace and the module, or throws a Failure
 * @param first a stream that is open already; null if there is none
 * @param tell receives the reason for an unreadable stream, once
 */
export async function follow(
  open: () => Promise<Stream>,
  first: Stream | null,
  metrics: StreamMetrics,
  tell: (text: string) => void,
  signal: AbortSignal,
  patience = PATIENCE,
): Promise<void> {
  let opened = first;
  let trouble: string | null = null;
  while (!signal.aborted) {
    try {
      const { chunks } = opened ?? (await open());
      metrics.open(true);
      trouble = null;
      for await (const batch of readBatches(chunks)) {
        batch.to(metrics);
      }
    } catch (error) {
      if (!(error instanceof Failure)) {
        throw error;
      }
      if (trouble !== error.message) {
        trouble = error.message;
        tell(trouble);
      }
    }
    opened = null;
    metrics.open(false);
    await pause(patience, signal);
  }
}

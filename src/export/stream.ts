import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { type Drop, DropReader } from '../aggregate/drop.js';
import { HalfOpenReader } from '../aggregate/half-open.js';
import type { Item, Taker } from '../stream/reader.js';
import { METRICS, type MetricName } from './metrics.js';

/** Kinds of records to read; each is a word of the filter key `kinds`. */
export type StreamKind = 'event' | 'drop';

/**
 * Upper bounds of the buckets in seconds: for local networks, the Internet, and timeouts of
 * retransmitted SYN-ACKs.
 */
const BUCKETS = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 16,
  32, 64,
];
/**
 * Maximum number of reasons with their own series. Linux 7.3 knows more, but no host has that many
 * at once.
 */
const MOST_REASONS = 64;
const OTHERS = 'others';

/**
 * Counts handshakes and drops as metrics, from records of the stream since the exporter began.
 * Memory is bounded.
 */
export class StreamMetrics implements Taker {
  readonly #registry = new Registry();
  readonly #halfOpens = new HalfOpenReader();
  readonly #drops = new DropReader();
  readonly #reasons = new Set<string>();
  readonly #handshakes: Histogram | null;
  readonly #dropped: Counter | null;
  readonly #lost: Counter;
  readonly #open: Gauge;

  constructor(
    private readonly netns: string,
    kinds: readonly StreamKind[],
  ) {
    this.#handshakes = kinds.includes('event')
      ? new Histogram({
          ...this.#called('tcpsynq_handshake_seconds', ['netns']),
          buckets: BUCKETS,
        })
      : null;
    this.#handshakes?.zero({ netns });
    this.#dropped = kinds.includes('drop')
      ? new Counter(this.#called('tcpsynq_drops_total', ['netns', 'reason']))
      : null;
    this.#lost = new Counter(this.#called('tcpsynq_exporter_tap_lost_total', ['netns', 'kind']));
    for (const kind of kinds) {
      this.#lost.inc({ netns, kind }, 0);
    }
    this.#open = new Gauge(this.#called('tcpsynq_exporter_tap_open', ['netns']));
    this.open(false);
  }

  /** Set whether the stream can be read. */
  open(isOpen: boolean): void {
    this.#open.set({ netns: this.netns }, isOpen ? 1 : 0);
  }

  /** Return the metrics in the text format, version 0.0.4. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  take(item: Item): void {
    if (item.kind === 'R' && this.#handshakes !== null) {
      const ended = this.#halfOpens.read(item);
      if (typeof ended !== 'string' && ended.outcome === 'completed' && ended.age_us !== null) {
        this.#handshakes.observe({ netns: this.netns }, ended.age_us / 1e6);
      }
    } else if (item.kind === 'D' && this.#dropped !== null) {
      const drop = this.#drops.read(item);
      if (typeof drop !== 'string') {
        this.#dropped.inc({ netns: this.netns, reason: this.#reasonOf(drop) });
      }
    } else if (item.kind === 'L') {
      const kind: StreamKind = item.of === 'D' ? 'drop' : 'event';
      this.#lost.inc({ netns: this.netns, kind }, item.lost);
    }
  }

  /**
   * Return the label for a drop's reason. The reasons that came first keep their series: a counter
   * that lost its series would restart.
   */
  #reasonOf(drop: Drop): string {
    const reason = drop.reason ?? '-';
    if (this.#reasons.size < MOST_REASONS) {
      this.#reasons.add(reason);
    }
    return this.#reasons.has(reason) ? reason : OTHERS;
  }

  #called(name: MetricName, labelNames: string[]) {
    return { name, help: METRICS[name][1], labelNames, registers: [this.#registry] };
  }
}

import type { SourceSketch } from '../aggregate/source-sketch.js';
import { byOutcome, type Outcome } from '../stream/counters.js';

/**
 * Seconds after which a half-open without an answer is called unanswered. It is the first SYN-ACK
 * timeout (TCP_TIMEOUT_INIT, include/net/tcp.h, Linux 6.1), at which the kernel too stops calling
 * it young (reqsk_timer_handler(), net/ipv4/inet_connection_sock.c). No shorter watch can tell a
 * spoofed SYN from a slow client; waiting for the kernel to give up would take 63 s.
 */
export const PATIENCE = 1;

const BUCKETS_PER_SECOND = 10;
/**
 * Buckets that wait to be judged. They last for counts a minute apart. A half-open that is later
 * still, by the time in a capture, shares the last bucket.
 */
const MAX_BUCKETS = (60 + PATIENCE) * BUCKETS_PER_SECOND;

/** Eight to a power of ten, up to PATIENCE. */
const AGES = 8 * 6 + 1;

/** What became of the half-opens that began in a tenth of a second, within PATIENCE of it. */
interface Bucket {
  begun: number;
  completed: number;
  /** Reset, or ended by an ICMP error. */
  failed: number;
  /** Ended otherwise: the listener closed. */
  gone: number;
}

const EMPTY: Readonly<Bucket> = { begun: 0, completed: 0, failed: 0, gone: 0 };

/**
 * The half-opens of one listener, folded from A and R rows in the order of the stream. Only those
 * are judged that began long enough before the end to have PATIENCE for an answer.
 */
export class Flow {
  readonly ended = byOutcome(() => 0);
  /** Of the SYN queue, as the last A row and the fullest told. */
  qlen = 0;
  limit = 0;
  peak = 0;
  /** Half-opens judged: how many began, and what became of these, however late. */
  readonly #judged: Bucket = { ...EMPTY };
  /** Of those that failed, how many had an age of at most 10^(n/8) us. */
  readonly #failedAges = new Float64Array(AGES);
  /** Where the unanswered ones came from; null until that is asked for. */
  sources: SourceSketch | null = null;
  /** By the tenth of a second in which they began. */
  readonly #buckets = new Map<number, Bucket>();
  /** All earlier tenths of a second are judged. */
  #next = 0;

  /** Judged, and completed, however late. */
  get completed(): number {
    return this.#judged.completed;
  }

  /** Judged, and failed within PATIENCE. */
  get failed(): number {
    return this.#judged.failed;
  }

  /** Seconds within which 19 of 20 of all that failed did so; 0 if none did. */
  get failedWithin(): number {
    const all = this.#failedAges.reduce((sum, count) => sum + count, 0);
    let seen = 0;
    for (const [n, count] of this.#failedAges.entries()) {
      seen += count;
      if (count > 0 && seen >= 0.95 * all) {
        return 10 ** (n / 8) / 1e6;
      }
    }
    return 0;
  }

  /** Judged, and neither completed nor failed within PATIENCE, nor completed later. */
  get unanswered(): number {
    return Math.max(0, halfOpen(this.#judged));
  }

  /** Begun so lately that they cannot be judged yet, and still half-open. */
  get young(): number {
    let sum = 0;
    for (const bucket of this.#buckets.values()) {
      sum += halfOpen(bucket);
    }
    return Math.max(0, sum);
  }

  /** @param time seconds, as every time here @param qlen this one included */
  add(time: number, qlen: number, limit: number): void {
    this.qlen = qlen;
    this.limit = limit;
    this.peak = Math.max(this.peak, qlen);
    this.#bucket(time).begun += 1;
  }

  /** @param since when the watch began: what began before it is not judged */
  remove(time: number, qlen: number, outcome: Outcome, age: number, since: number): void {
    this.ended[outcome] += 1;
    this.qlen = qlen;
    const birth = time - age;
    if (birth < since) {
      return;
    }
    if (age >= PATIENCE) {
      this.#judged.completed += outcome === 'completed' ? 1 : 0;
      return;
    }
    const bucket = this.#bucket(birth);
    if (outcome === 'completed') {
      bucket.completed += 1;
    } else if (outcome === 'reset' || outcome === 'unreachable') {
      bucket.failed += 1;
      const n = Math.ceil(8 * Math.log10(Math.max(1, Math.round(age * 1e6))));
      this.#failedAges[n] = (this.#failedAges[n] ?? 0) + 1;
    } else {
      bucket.gone += 1;
    }
  }

  /** Judge all that had PATIENCE by `now`: every row up to then has been given. */
  settle(now: number): void {
    const due = Math.floor((now - PATIENCE) * BUCKETS_PER_SECOND);
    for (; this.#next < due && this.#buckets.size > 0; this.#next += 1) {
      const bucket = this.#buckets.get(this.#next);
      if (bucket !== undefined) {
        addTo(this.#judged, bucket);
        this.#buckets.delete(this.#next);
      }
    }
    this.#next = Math.max(this.#next, due);
  }

  /** Begin again after the module was loaded: half-opens not judged yet are forgotten. */
  restart(): void {
    this.#buckets.clear();
    this.#next = 0;
    this.qlen = 0;
  }

  /** Return the bucket of a half-open that began at `time`: a late row's is judged already. */
  #bucket(time: number): Bucket {
    const last = this.#next + MAX_BUCKETS;
    const index = Math.min(Math.floor(time * BUCKETS_PER_SECOND), last);
    if (index < this.#next) {
      return this.#judged;
    }
    let bucket = this.#buckets.get(index);
    if (bucket === undefined) {
      bucket = { ...EMPTY };
      this.#buckets.set(index, bucket);
    }
    return bucket;
  }
}

function halfOpen({ begun, completed, failed, gone }: Bucket): number {
  return begun - completed - failed - gone;
}

function addTo(sum: Bucket, bucket: Bucket): void {
  sum.begun += bucket.begun;
  sum.completed += bucket.completed;
  sum.failed += bucket.failed;
  sum.gone += bucket.gone;
}

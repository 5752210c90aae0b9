import type { SourceSketch } from '../aggregate/source-sketch.js';
import { byOutcome, type Outcome } from '../stream/counters.js';

/**
 * Seconds after which a half-open without an answer counts as unanswered. It is the first SYN-ACK
 * timeout (TCP_TIMEOUT_INIT, include/net/tcp.h, Linux 6.1). The kernel too stops calling it young
 * then (reqsk_timer_handler(), net/ipv4/inet_connection_sock.c). No shorter watch can distinguish a
 * spoofed SYN from a slow client; waiting for the kernel to give up would take 63 s.
 */
export const PATIENCE = 1;

const BUCKETS_PER_SECOND = 10;
/**
 * Limit of buckets not yet judged. They suffice for counts a minute apart. Half-opens with still
 * later times, as a capture may have, share the last bucket.
 */
const MAX_BUCKETS = (60 + PATIENCE) * BUCKETS_PER_SECOND;

/** Number of buckets of ages: eight for each power of ten in us, up to PATIENCE. */
const AGES = 8 * 6 + 1;

/** The half-opens that began in the same tenth of a second, and their outcomes within PATIENCE. */
interface Bucket {
  begun: number;
  completed: number;
  /** Reset, or ended by an ICMP error. */
  failed: number;
  /** Ended in another way, such as when the listener closed. */
  gone: number;
  /** SYNs of that time that were answered with a cookie. */
  cookies: number;
}

const EMPTY: Readonly<Bucket> = { begun: 0, completed: 0, failed: 0, gone: 0, cookies: 0 };

/** The reasons for which the kernel refuses a SYN: see the column `answer` of Y lines. */
export type Reason = 'queue_full' | 'accept_full' | 'other';

/**
 * The half-opens of one listener, folded from A and R rows in the order of the stream. It judges
 * only those that began PATIENCE or longer before the end.
 */
export class Flow {
  readonly ended = byOutcome(() => 0);
  /** State of the SYN queue at the last row, and its highest length. */
  qlen = 0;
  limit = 0;
  peak = 0;
  /** The judged half-opens: how many began, and their outcomes, however late. */
  readonly #judged: Bucket = { ...EMPTY };
  /** Element n counts failures with an age up to 10^(n/8) us. */
  readonly #failedAges = new Float64Array(AGES);
  /** Sources of the unanswered half-opens and cookies; null until the collector sets them. */
  sources: SourceSketch | null = null;
  /** Sources of the refused SYNs; null until the collector sets them. */
  refusedSources: SourceSketch | null = null;
  readonly refused: Record<Reason, number> = { queue_full: 0, accept_full: 0, other: 0 };
  /** SYNs answered with a cookie, and cookies that came back. */
  cookies = 0;
  cookiesOk = 0;
  /** The half-opens not judged yet, by the tenth of a second in which they began. */
  readonly #buckets = new Map<number, Bucket>();
  /** The first tenth of a second that is not judged yet. */
  #next = 0;

  /** Return the number of judged half-opens that completed, however late. */
  get completed(): number {
    return this.#judged.completed;
  }

  /** Return the number of judged half-opens that failed within PATIENCE. */
  get failed(): number {
    return this.#judged.failed;
  }

  /** Return the seconds within which 19 of 20 failures happened; 0 without failures. */
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

  /**
   * Return the number of judged half-opens that neither failed within PATIENCE nor completed at any
   * time.
   */
  get unanswered(): number {
    return Math.max(0, halfOpen(this.#judged));
  }

  /** Return the number of cookies that did not come back, of those sent PATIENCE or longer ago. */
  get cookiesUnanswered(): number {
    return Math.max(0, this.#judged.cookies - this.cookiesOk);
  }

  /** Return the number of current half-opens that began too recently to be judged. */
  get young(): number {
    let sum = 0;
    for (const bucket of this.#buckets.values()) {
      sum += halfOpen(bucket);
    }
    return Math.max(0, sum);
  }

  /**
   * Add a half-open.
   *
   * @param time in seconds, like every time here
   * @param qlen length of the queue, including this half-open
   */
  add(time: number, qlen: number, limit: number): void {
    this.see(qlen, limit);
    this.#bucket(time).begun += 1;
  }

  /** Note the state of the SYN queue. */
  see(qlen: number, limit: number): void {
    this.qlen = qlen;
    this.limit = limit;
    this.peak = Math.max(this.peak, qlen);
  }

  /** Add a SYN that the kernel answered with a cookie. */
  addCookie(time: number): void {
    this.cookies += 1;
    this.#bucket(time).cookies += 1;
  }

  /** @param since start of the watch: half-opens from before it are not judged */
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

  /**
   * Judge the half-opens that began PATIENCE or longer before `now`. The caller must have passed in
   * all rows up to `now`.
   */
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

  /** Begin a new epoch: forget the half-opens that are not judged yet. */
  restart(): void {
    this.#buckets.clear();
    this.#next = 0;
    this.qlen = 0;
  }

  /**
   * Return the bucket of a half-open that began at `time`. If that tenth of a second is judged
   * already, return the bucket of the judged.
   */
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
  sum.cookies += bucket.cookies;
}

import { OUTCOMES, type Outcome } from '../stream/counters.js';

/**
 * Seconds after which a half-open without an answer is called unanswered. It is the first SYN-ACK
 * timeout (TCP_TIMEOUT_INIT, include/net/tcp.h, Linux 6.1), at which the kernel too stops calling
 * it young (reqsk_timer_handler(), net/ipv4/inet_connection_sock.c). No shorter watch can tell a
 * spoofed SYN from a slow client; waiting for the kernel to give up would take 63 s.
 */
export const PATIENCE = 1;

const BUCKETS_PER_SECOND = 10;

/** What became of the half-opens that began in a tenth of a second, within PATIENCE of it. */
interface Bucket {
  begun: number;
  completed: number;
  /** Reset, or ended by an ICMP error. */
  failed: number;
  /** Ended otherwise: the listener closed. */
  gone: number;
}

/**
 * The half-opens of one listener, folded from A and R rows in the order of the stream. Only those
 * are judged that began long enough before the end to have had PATIENCE for an answer.
 */
export class Flow {
  readonly local: string;
  /** All rows of the watch. */
  added = 0;
  readonly ended: Record<Outcome, number> = Object.fromEntries(
    OUTCOMES.map((outcome) => [outcome, 0]),
  ) as Record<Outcome, number>;
  /** Half-opens judged: how many began, and of these completed (however late) and failed. */
  begun = 0;
  completed = 0;
  failed = 0;
  /** Of the SYN queue, as the last A row and the fullest told. */
  qlen = 0;
  limit = 0;
  peak = 0;
  #gone = 0;
  readonly #buckets = new Map<number, Bucket>();

  constructor(local: string) {
    this.local = local;
  }

  /** Judged, and neither completed nor failed within PATIENCE, nor completed later. */
  get unanswered(): number {
    return Math.max(0, this.begun - this.completed - this.failed - this.#gone);
  }

  /** Begun so lately that they cannot be judged yet, and still half-open. */
  get young(): number {
    let sum = 0;
    for (const { begun, completed, failed, gone } of this.#buckets.values()) {
      sum += begun - completed - failed - gone;
    }
    return Math.max(0, sum);
  }

  /** @param time seconds, as every time here @param qlen this one included */
  add(time: number, qlen: number, limit: number): void {
    this.added += 1;
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
      this.completed += outcome === 'completed' ? 1 : 0;
      return;
    }
    const bucket = this.#bucket(birth);
    if (outcome === 'completed') {
      bucket.completed += 1;
    } else if (outcome === 'reset' || outcome === 'unreachable') {
      bucket.failed += 1;
    } else {
      bucket.gone += 1;
    }
  }

  /** Judges all that had PATIENCE by `now`: every row up to then has been given. */
  settle(now: number): void {
    for (const [index, bucket] of this.#buckets) {
      if ((index + 1) / BUCKETS_PER_SECOND > now - PATIENCE) {
        continue;
      }
      this.begun += bucket.begun;
      this.completed += bucket.completed;
      this.failed += bucket.failed;
      this.#gone += bucket.gone;
      this.#buckets.delete(index);
    }
  }

  /** The module was loaded anew: what is not judged yet never will be. */
  restart(): void {
    this.#buckets.clear();
    this.qlen = 0;
  }

  #bucket(time: number): Bucket {
    const index = Math.floor(time * BUCKETS_PER_SECOND);
    let bucket = this.#buckets.get(index);
    if (bucket === undefined) {
      bucket = { begun: 0, completed: 0, failed: 0, gone: 0 };
      this.#buckets.set(index, bucket);
    }
    return bucket;
  }
}

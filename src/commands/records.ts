import { Failure } from '../failure.js';
import { type Namespace, openNamespace } from '../proc/namespace.js';
import { openCapture, openModuleStream } from '../source/bytes.js';
import { Damage } from '../source/damage.js';
import { isLive } from '../source/input.js';
import type { TapFilter } from '../source/tap.js';
import { wants } from '../stream/endpoints.js';
import type { Count, Header, Loss } from '../stream/parser.js';
import { Problems } from '../stream/problems.js';
import { type Item, readBatches, type Start, type Taker } from '../stream/reader.js';
import type { Row } from '../stream/row.js';
import { LETTERS } from '../stream/schema.js';
import { type Host, note } from '../terminal/host.js';
import type { RecordSource, RecordView } from '../views/records/view.js';
import { type Choice, type CommonOptions, checkInput, refuse, wantedOf } from './options.js';

/** The options of the commands that show records of one kind. */
export interface RecordOptions extends CommonOptions, Choice {
  readonly fwmark?: number;
  /** Stop after this many records. */
  readonly count?: number;
  /** Stop after this time, in ms. */
  readonly for?: number;
}

/** A command's part in reading records of one kind. */
export interface RecordPlan<R> {
  /** The word for this kind in the filter key `kinds`; with an "s", the name of its records. */
  readonly kind: 'event' | 'drop' | 'close';
  readonly view: RecordView<R>;
  /** Parse a row of that kind; return the reason if it is unreadable. */
  read(row: Row): R | string;
  /**
   * Take a record, and return whether it is wanted. Only wanted records count toward the requested
   * number.
   */
  take(record: R): boolean;
  begin?(batch: Start): void;
  /** Called with the time of each record, in seconds of stream time, before the record is read. */
  reach?(time: number): void;
  /**
   * Called with a count, before `reach` gets its time. The count covers the time before it, and its
   * time may end an interval.
   */
  count?(count: Count): void;
  /** Called when records of that kind were lost. */
  loss(loss: Loss): void;
  /** Called when the reading ends, but not after a failure. */
  finish?(): void;
  /** Return the totals, in one line. */
  summary(): string;
}

/** Refuse options that would silently have no effect. */
export function checkRecords(options: RecordOptions, things: string): void {
  const { input, fwmark } = options;
  checkInput(options, null);
  refuse({
    [`${things} come from the module or a capture: -i proc has none`]: input === 'proc',
    '--fwmark has no meaning for a capture: it does not hold the marks':
      fwmark !== undefined && !isLive(input),
    '--for has no meaning for a capture: it is read to its end':
      options.for !== undefined && isWhole(options),
  });
}

/** Return whether the input is a capture that is read as fast as possible. */
export function isWhole({ input, follow, speed }: CommonOptions): boolean {
  return !isLive(input) && input !== '-' && !follow && speed === undefined;
}

/** The endpoints of a record's connection; null if not known. */
export interface Ends {
  readonly local: string | null;
  readonly remote: string | null;
}

/** Return whether the input is a capture of which only some connections are wanted. */
export function isFiltered({ input, port, addr }: RecordOptions): boolean {
  return !isLive(input) && (port !== undefined || addr !== undefined);
}

/**
 * Return a function that filters records of a capture as a tap would: a capture may hold other
 * connections too.
 */
export function captureFilter(options: RecordOptions): (ends: Ends) => boolean {
  if (!isFiltered(options)) {
    return () => true;
  }
  const wanted = wantedOf(options);
  return ({ local, remote }) => wants(wanted, local ?? '', remote ?? '') === true;
}

/**
 * Read the module or a capture until stopped, and feed a view.
 *
 * @param filter the tap's filter, in addition to the options
 * @param planOf makes the plan; it receives the namespace, or null for a capture
 * @throws Failure if the input was not recorded with that kind
 */
export async function readRecords<R>(
  host: Host,
  options: RecordOptions,
  filter: TapFilter,
  planOf: (
    reading: RecordSource,
    namespace: Namespace | null,
  ) => RecordPlan<R> | Promise<RecordPlan<R>>,
): Promise<void> {
  const { input, port, addr, fwmark } = options;
  const stop = new AbortController();
  const signal = AbortSignal.any([host.signal, stop.signal]);
  const namespace = isLive(input) ? await openNamespace(options.netns) : null;
  let timer: NodeJS.Timeout | undefined;
  try {
    const { info, name, chunks } =
      namespace === null
        ? openCapture(input, options, () => host.stdin(), signal)
        : await openModuleStream(namespace, { ...filter, port, addr, fwmark }, signal);
    if (options.for !== undefined) {
      timer = setTimeout(() => stop.abort(), options.for);
    }
    const reading: RecordSource = {
      header: null,
      from: [info.source === 'file' ? info.from : info.source],
      live: info.live,
    };
    const plan = await planOf(reading, namespace);
    const { view } = plan;
    const reader = new RecordReader(plan, reading, options.count);
    const damage = new Damage();
    try {
      for await (const batch of readBatches(damage.before(chunks), signal)) {
        batch.to(reader);
        await view.flush();
        if (reader.done || signal.aborted) {
          break;
        }
      }
      const ended = !reader.done && !signal.aborted;
      if (ended) {
        reader.end(name, damage);
      }
      plan.finish?.();
      await view.flush();
      await view.finish?.();
      if (ended) {
        await view.ended?.();
      }
    } finally {
      await view.close?.();
    }
    if (!host.out.closed) {
      await note(host, plan.summary());
    }
    damage.report();
  } finally {
    clearTimeout(timer);
    namespace?.close();
  }
}

/** Feeds a plan with a stream, up to the requested number of records. */
class RecordReader<R> implements Taker {
  /** Whether the requested number of records is reached. */
  done = false;
  readonly #letters: string;
  #header: Header | null = null;
  #seen = 0;
  readonly #problems = new Problems();
  /** Whether records of the plan's kind have arrived. */
  #hasAny = false;
  /**
   * Whether any of these was readable. Before the first of these: whether any record of another
   * kind was readable.
   */
  #hasRead = false;

  constructor(
    private readonly plan: RecordPlan<R>,
    private readonly reading: RecordSource,
    private readonly most: number | undefined,
  ) {
    this.#letters = LETTERS[plan.kind];
  }

  begin(batch: Start): void {
    this.#header = batch.header;
    this.reading.header = batch.header;
    this.plan.begin?.(batch);
  }

  /** Check the input after its end. */
  end(name: string, damage: Damage): void {
    const { kind, view } = this.plan;
    if (this.#problems.count > 1) {
      view.note(`skipped ${this.#problems.count} lines of ${name} in all`);
    }
    const kinds = this.#header?.filter.kinds;
    if (!this.#hasRead) {
      damage.report();
    }
    if (!this.#hasAny && !kinds?.split(',').includes(kind)) {
      damage.report(`it holds no ${kind}s until there`);
      throw new Failure(
        `${name} holds no ${kind}s: record them with \`tcpsynq capture --kinds count,${kind} FILE\``,
      );
    }
    if (!this.#hasRead && this.#problems.count > 0) {
      throw new Failure(`${name} holds no ${kind}s that can be read${this.#problems.why}`);
    }
  }

  /** Return whether to stop taking items: until the pending output is written, or for good. */
  take(item: Item): boolean {
    const plan = this.plan;
    switch (item.kind) {
      case '?':
        break;
      case '!':
        this.#problem(item.line, item.reason);
        break;
      case 'C':
        plan.count?.(item);
        this.#reach(item.time);
        break;
      case 'L':
        this.#reach(item.time);
        if (item.of.length === 1 && this.#letters.includes(item.of)) {
          plan.loss(item);
        }
        break;
      default:
        this.#row(item);
    }
    return this.done || plan.view.isFull === true;
  }

  /** Take the time of a record of another kind. */
  #reach(time: number): void {
    this.plan.reach?.(time);
    this.#hasRead ||= !this.#hasAny;
  }

  #row(row: Row): void {
    if (!this.#letters.includes(row.kind)) {
      this.#reach(row.time);
      return;
    }
    const plan = this.plan;
    plan.reach?.(row.time);
    if (!this.#hasAny) {
      this.#hasAny = true;
      this.#hasRead = false;
    }
    const record = plan.read(row);
    if (typeof record === 'string') {
      this.#problem(row.line, record);
      return;
    }
    this.#hasRead = true;
    if (plan.take(record)) {
      this.#seen += 1;
      this.done = this.#seen === this.most;
    }
  }

  #problem(line: number, reason: string): void {
    this.#problems.add(line, reason);
    if (this.#problems.count === 1) {
      this.plan.view.note(`skipped ${this.#problems.words}`);
    }
  }
}

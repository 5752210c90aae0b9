import { percent, seconds } from '../chart/text.js';
import { Failure, Usage } from '../failure.js';
import { type Host, note } from '../host.js';
import { wants } from '../record/ends.js';
import { OUTCOMES, type Outcome } from '../record/figures.js';
import { type HalfOpen, HalfOpenReader } from '../record/halfopen.js';
import type { Row } from '../record/row.js';
import { Scanner } from '../record/scan.js';
import type { Line } from '../record/stream.js';
import { Tally } from '../record/tally.js';
import { openCapture, openModuleStream } from '../source/bytes.js';
import { openNamespace } from '../source/namespace.js';
import { isLive } from '../source/select.js';
import { EventJson, EventLines } from '../views/events/lines.js';
import { LiveTally } from '../views/events/live.js';
import { Printed } from '../views/events/printed.js';
import { handshakesOf, topOf } from '../views/events/tally.js';
import type { EventView, Reading } from '../views/events/view.js';
import { type Choice, type CommonOptions, checkInput, wantedOf } from './options.js';

export interface EventsOptions extends CommonOptions, Choice {
  readonly fwmark?: number;
  /** Only half-opens removed, and of those only these. */
  readonly outcome?: readonly Outcome[];
  /** End after so many events. */
  readonly count?: number;
  readonly top?: boolean;
  readonly handshake?: boolean;
  /** Between two pictures or printings, in ms. */
  readonly interval?: number;
}

/** `tcpsynq events`: half-opens as they are added and removed, or what they add up to. */
export async function events(host: Host, options: EventsOptions): Promise<void> {
  check(options);
  const { input, port, addr, fwmark } = options;
  const namespace = isLive(input) ? await openNamespace(options.netns) : null;
  try {
    const { info, name, chunks } =
      namespace === null
        ? openCapture(input, options, () => host.stdin(), host.signal)
        : await openModuleStream(
            namespace,
            { kinds: 'count,event', port, addr, fwmark },
            host.signal,
          );
    const reading: Reading = {
      header: null,
      from: [info.source === 'file' ? info.from : info.source],
      live: info.live,
    };
    const reader = new EventsReader(host, options, reading);
    try {
      for await (const chunk of chunks) {
        reader.scanner.push(chunk);
        await reader.view.flush();
        if (reader.done || host.signal.aborted) {
          break;
        }
      }
      if (!reader.done && !host.signal.aborted) {
        reader.end(name);
        await reader.view.flush();
        await reader.view.ended();
      }
    } finally {
      await reader.view.close();
    }
    if (!host.out.closed) {
      await note(host, summary(reader.tally, options));
    }
  } finally {
    namespace?.close();
  }
}

function check(options: EventsOptions): void {
  const { input, top, handshake } = options;
  checkInput(options, null);
  if (input === 'proc') {
    throw new Usage('events come from the module or a capture: -i proc has none');
  }
  if (top && handshake) {
    throw new Usage('--top and --handshake exclude each other');
  }
  if (handshake && options.outcome !== undefined) {
    throw new Usage('--handshake is of those completed: --outcome has no meaning there');
  }
  if (options.interval !== undefined) {
    if (!top && !handshake) {
      throw new Usage('--interval goes with --top or --handshake: events come as they happen');
    }
    if (!isLive(input) && input !== '-' && !options.follow && options.speed === undefined) {
      throw new Usage('--interval has no meaning for a capture: it is read at once');
    }
  }
  if (options.fwmark !== undefined && !isLive(input)) {
    throw new Usage('--fwmark has no meaning for a capture: it does not hold the marks');
  }
}

/** What the module's filter does for a tap: a capture may hold more than is wanted. */
function captureFilter(options: EventsOptions): (event: HalfOpen) => boolean {
  const { input, port, addr } = options;
  if (isLive(input) || (port === undefined && addr === undefined)) {
    return () => true;
  }
  const wanted = wantedOf(options);
  return ({ local, remote }) => wants(wanted, local, remote) === true;
}

/** Takes the stream apart, drops what is not wanted, and tells the rest to a view and a tally. */
class EventsReader {
  readonly scanner: Scanner;
  readonly tally: Tally;
  readonly view: EventView;
  /** As many events as were asked for have been seen. */
  done = false;
  readonly #reader = new HalfOpenReader();
  readonly #options: EventsOptions;
  readonly #reading: Reading;
  readonly #wanted: (event: HalfOpen) => boolean;
  #halfOpen: number | null = null;
  #clock = 0;
  #seen = 0;
  #problems = 0;
  #hasEvents = false;

  constructor(host: Host, options: EventsOptions, reading: Reading) {
    this.#options = options;
    this.#reading = reading;
    this.#wanted = captureFilter(options);
    this.tally = new Tally(options.outcome !== undefined);
    this.view = this.#makeView(host);
    this.scanner = new Scanner({
      row: (row) => this.#row(row),
      line: (line) => this.#line(line),
    });
  }

  /**
   * The input has ended.
   *
   * @throws Failure if it had nothing to do with events
   */
  end(name: string): void {
    this.scanner.end();
    if (this.#problems > 1) {
      this.view.note(`passed over ${this.#problems} lines of ${name} in all`);
    }
    const { kinds } = this.scanner.header.filter;
    if (!this.#hasEvents && !kinds?.split(',').includes('event')) {
      throw new Failure(
        `${name} holds no events: record them with \`tcpsynq capture --kinds count,event FILE\``,
      );
    }
  }

  #makeView(host: Host): EventView {
    const { json = false, top, handshake, outcome } = this.#options;
    const interval = this.#options.interval ?? null;
    if (!top && !handshake) {
      return json ? new EventJson(host, this.#reading) : new EventLines(host, this.#reading);
    }
    const subject = handshake
      ? handshakesOf(this.tally)
      : topOf(this.tally, () => this.#halfOpen, outcome !== undefined);
    return host.out.steerable && !json
      ? new LiveTally(host, subject, this.#reading, interval)
      : new Printed(host, subject, json, interval);
  }

  #row(row: Row): void {
    if (this.done || (row.kind !== 'A' && row.kind !== 'R')) {
      return;
    }
    this.#hasEvents = true;
    const event = this.#reader.read(row);
    if (typeof event === 'string') {
      this.#problem(this.scanner.lines, event);
      return;
    }
    const { outcome, count } = this.#options;
    if (outcome !== undefined && !outcome.some((one) => one === event.outcome)) {
      return;
    }
    if (!this.#wanted(event)) {
      return;
    }
    this.tally.add(event, this.#clock);
    this.view.event(event);
    this.#seen += 1;
    this.done = this.#seen === count;
  }

  #line(line: Line): void {
    if (this.done) {
      return;
    }
    const { header } = this.scanner;
    this.#reading.header = header;
    this.#clock = header.clock_offset ?? 0;
    if (line.type === 'start') {
      this.#reader.forget();
    } else if (line.type === 'problem') {
      this.#problem(line.line, line.reason);
    } else if (line.type === 'record' && line.record.kind === 'C') {
      this.#halfOpen = line.record.half_open;
    } else if (line.type === 'record' && line.record.kind === 'L') {
      const { of } = line.record;
      if (of === 'A' || of === 'R') {
        this.tally.lost += line.record.lost;
        this.view.loss(line.record);
      }
    }
  }

  #problem(line: number, reason: string): void {
    this.#problems += 1;
    if (this.#problems === 1) {
      this.view.note(`passed over line ${line}: ${reason}`);
    }
  }
}

/** What was seen, in one line. */
function summary({ all, seconds: length, lost }: Tally, { outcome }: EventsOptions): string {
  const shares = OUTCOMES.filter((one) => all.outcomes[one] > 0).map(
    (one) => `${one} ${all.outcomes[one]} (${percent(all.outcomes[one] / all.removed)})`,
  );
  const added = outcome === undefined ? `added ${all.added}, ` : '';
  return [
    `${added}removed ${all.removed} in ${seconds(length)}`,
    ...shares,
    ...(lost > 0 ? [`lost ${lost}`] : []),
  ].join(', ');
}

import { OTHERS, type Range, type Traced } from '../../aggregate/trace.js';
import type { Row } from '../../stream/row.js';
import type { Host } from '../../terminal/host.js';
import { jsonText } from '../../terminal/printable.js';
import { printable, rate } from '../../terminal/text.js';
import { Pending } from '../ordered-output.js';
import { inUnit } from './connections.js';
import type { TraceSubject, TraceView } from './view.js';

/** Common parts of a trace as text and as JSON. */
abstract class Printed extends Pending {
  /** @param each whether to print each sample, and not each interval */
  constructor(
    host: Host,
    protected readonly subject: TraceSubject,
    protected readonly each: boolean,
  ) {
    super(host);
  }

  /** Return RFC 3339 in UTC if the clock is known, else seconds of stream time. */
  protected stamp(time: number): string {
    const { clock } = this.subject.trace;
    return clock.date(time)?.toISOString() ?? (time - clock.added).toFixed(3);
  }
}

function value(of: number): string {
  return Number.isNaN(of) ? '-' : String(of);
}

/** Prints one line per connection and interval, or per sample, with one space between words. */
export class TraceLines extends Printed implements TraceView {
  #started = false;

  sample(connection: Traced, row: Row): void {
    const { latest, local, remote, others } = connection;
    if (this.each && latest !== null) {
      const unit = this.subject.unit();
      this.#header(`time local remote cwnd ssthresh ${unit.column} lost retrans inflight`);
      const numbers = [
        value(latest.cwnd),
        value(latest.ssthresh),
        inUnit(latest.srtt, unit.factor),
      ];
      const rest = [others.lost, others.retrans, others.inflight].map((text) => text ?? '-');
      const time = row.text(row.columns.index('time'));
      this.line(printable([time, local, remote, ...numbers, ...rest].join(' ')));
    }
  }

  interval(end: number, seconds: number | null, connections: readonly Traced[]): void {
    if (this.each) {
      return;
    }
    const { column, factor } = this.subject.unit();
    for (const { local, remote, latest, others, interval } of connections) {
      this.#header(
        `time local remote cwnd cwnd_min cwnd_max ssthresh ${column} ${column}_min ${column}_max lost retrans inflight samples/s`,
      );
      const { cwnd, srtt, samples } = interval;
      const words = [
        this.stamp(end),
        local,
        remote,
        value(latest?.cwnd ?? Number.NaN),
        value(cwnd.low),
        value(cwnd.high),
        value(latest?.ssthresh ?? Number.NaN),
        ...[latest?.srtt ?? Number.NaN, srtt.low, srtt.high].map((one) => inUnit(one, factor)),
        ...[others.lost, others.retrans, others.inflight].map((text) => text ?? '-'),
        seconds === null ? '-' : rate(samples / seconds, false),
      ];
      this.line(printable(words.join(' ')));
    }
  }

  #header(names: string): void {
    if (!this.#started) {
      this.#started = true;
      this.line(names);
    }
  }
}

/**
 * Prints the same content, but as JSON objects; the object of a sample has every column of its
 * line.
 */
export class TraceJson extends Printed implements TraceView {
  sample({ latest }: Traced, row: Row): void {
    if (this.each && latest !== null) {
      const fields = row.columns.names.map((name, i) => [name, field(name, row.text(i))] as const);
      this.line(
        jsonText({
          event: 'sample',
          ...Object.fromEntries(fields),
          time: this.stamp(latest.time),
        }),
      );
    }
  }

  interval(end: number, seconds: number | null, connections: readonly Traced[]): void {
    if (this.each) {
      return;
    }
    const { column, factor } = this.subject.unit();
    const range = ({ low, high }: Range, times: number) =>
      Number.isNaN(low) ? null : { min: scaled(low, times), max: scaled(high, times) };
    for (const { local, remote, latest, others, interval } of connections) {
      this.line(
        jsonText({
          event: 'connection',
          time: this.stamp(end),
          local,
          remote,
          cwnd: latest?.cwnd ?? null,
          cwnd_range: range(interval.cwnd, 1),
          ssthresh: scaled(latest?.ssthresh ?? Number.NaN, 1),
          [column]: scaled(latest?.srtt ?? Number.NaN, factor),
          [`${column}_range`]: range(interval.srtt, factor),
          ...Object.fromEntries(OTHERS.map((name) => [name, field(name, others[name] ?? '')])),
          samples: interval.samples,
          samples_per_second: seconds === null ? null : interval.samples / seconds,
        }),
      );
    }
  }
}

function scaled(of: number, factor: number): number | null {
  return Number.isNaN(of) ? null : Math.round(of * factor * 1e6) / 1e6;
}

/** Columns of text, even if a text looks like a number. */
const TEXTS: ReadonlySet<string> = new Set(['local', 'remote', 'ca_name', 'cookie', 'hook']);

/** Return a field for JSON: a number if JSON's readers keep it exact. */
function field(name: string, text: string): string | number | null {
  const number = !TEXTS.has(name) && /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
  return text === '' ? null : Number.isSafeInteger(number) ? number : text;
}

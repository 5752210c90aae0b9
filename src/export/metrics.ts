import { Counter, Gauge, Registry } from 'prom-client';
import { METRICS } from './metric-list.js';

export { METRICS };

export type MetricName = keyof typeof METRICS;

export type Labels = Readonly<Record<string, string>>;

/**
 * The metrics of one reading. Counters have the kernel's values, which do not depend on the number
 * of readers.
 */
export class Exposition {
  readonly #registry = new Registry();
  readonly #metrics = new Map<MetricName, Gauge | Counter>();

  /**
   * Add a sample. Omit unknown values, and counters below 0: the module's difference of two kernel
   * counters can be negative for a moment. All samples of a metric must have the same label names.
   */
  add(name: MetricName, value: number | null | undefined, labels: Labels = {}): void {
    const isCounter = METRICS[name][0] === 'counter';
    if (value == null || !Number.isFinite(value) || (isCounter && value < 0)) {
      return;
    }
    const metric = this.#metrics.get(name) ?? this.#make(name, Object.keys(labels));
    metric instanceof Counter ? metric.inc(labels, value) : metric.set(labels, value);
  }

  /** Return the metrics in the text format, version 0.0.4. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  #make(name: MetricName, labelNames: string[]): Gauge | Counter {
    const [type, help] = METRICS[name];
    const configuration = { name, help, labelNames, registers: [this.#registry] };
    const metric = type === 'counter' ? new Counter(configuration) : new Gauge(configuration);
    this.#metrics.set(name, metric);
    return metric;
  }
}

/** The media type of the answer. */
export const CONTENT_TYPE: string = Registry.PROMETHEUS_CONTENT_TYPE;

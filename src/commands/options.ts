import type { Recording } from '../aggregate/recording.js';
import { Failure, Usage } from '../failure.js';
import { type Input, isLive } from '../source/input.js';
import { type EndpointFilter, parseNetwork } from '../stream/endpoints.js';
import { AS_RECORDED, OF_OUR_OWN, type SrttUnit } from '../stream/srtt.js';

/** The options of every command. */
export interface CommonOptions {
  readonly input: Input;
  readonly netns?: string;
  readonly json?: boolean;
  /** Replay a capture at this multiple of its recorded pace. */
  readonly speed?: number;
  /** With a capture file: continue as it grows. Not every command accepts it. */
  readonly follow?: boolean;
}

/** Refuse combinations of input and options that would silently have no effect. */
export function checkInput(
  { input, netns, speed, follow }: CommonOptions,
  needsModule: string | null,
): void {
  refuse({
    '--speed replays a capture: -i FILE': speed !== undefined && isLive(input),
    '--follow needs a capture file: -i FILE': follow && (isLive(input) || input === '-'),
    '--follow and --speed exclude each other': follow && speed !== undefined,
    '--netns has no meaning for a capture: it shows the namespace it was taken in':
      netns !== undefined && !isLive(input),
    [`${needsModule} reads the module: -i takes auto or module here, not "${input}"`]:
      needsModule !== null && input !== 'auto' && input !== 'module',
  });
}

/** Throw a Usage with the first reason whose value is true, if any. */
export function refuse(reasons: Readonly<Record<string, boolean | undefined>>): void {
  const why = Object.keys(reasons).find((reason) => reasons[reason]);
  if (why !== undefined) {
    throw new Usage(why);
  }
}

/** Refuse the options for input and output format in a command that uses neither. */
export function checkNoInput(command: string, { input, netns, json, speed }: CommonOptions): void {
  refuse({
    [`${command} reads no figures: -i, --netns, --json, --speed do nothing there`]:
      input !== 'auto' || netns !== undefined || json || speed !== undefined,
  });
}

/**
 * Return the capture that a command reads as a whole: its argument, or the argument of -i.
 *
 * @param beside text that follows the usage in the error about a missing capture
 */
export function captureOf(
  command: string,
  file: string | undefined,
  { input }: CommonOptions,
  beside = '',
): string {
  refuse({
    [`${command} reads one capture: ${file}, or -i ${input}`]:
      file !== undefined && input !== 'auto',
    [`${command} needs a capture: tcpsynq ${command} FILE${beside}`]:
      file === undefined && isLive(input),
  });
  return file ?? input;
}

/** The options that select connections. */
export interface Choice {
  readonly port?: number;
  /** `ADDRESS` or `ADDRESS/LENGTH`. */
  readonly addr?: string;
  readonly connection?: readonly (readonly [string, string])[];
}

/** Return a filter that tests connections. */
export function wantedOf({ port, addr, connection }: Choice): EndpointFilter {
  return { port, network: (addr && parseNetwork(addr)) || undefined, pairs: connection };
}

/**
 * Return the unit in which srtt is drawn. Samples of both kinds share one axis: throw a Failure if
 * their units differ.
 */
export function unitOf(
  { samples }: Recording,
  { srttUnit }: { readonly srttUnit?: SrttUnit },
): SrttUnit {
  const unit = samples.tcpProbe > 0 ? (srttUnit ?? AS_RECORDED) : OF_OUR_OWN;
  if (samples.own > 0 && unit !== OF_OUR_OWN) {
    throw new Failure(
      'it holds samples in microseconds and lines of tcp_probe: both are drawn only with --srtt-unit us, if that is their unit too',
    );
  }
  return unit;
}

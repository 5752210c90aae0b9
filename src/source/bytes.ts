import type { Readable } from 'node:stream';
import { errno, Failure, inWords, LOAD_IT, Usage } from '../failure.js';
import { moduleFiles } from '../proc/module.js';
import type { Namespace } from '../proc/namespace.js';
import { inTurn, type Owned } from './buffers.js';
import { followChunks, openFile, streamChunks } from './file.js';
import { paced } from './paced.js';
import type { SourceInfo } from './source.js';
import { openTap, type TapFilter } from './tap.js';

/** A stream: the module's, or a recorded one. */
export interface Bytes {
  readonly info: SourceInfo;
  /** The source in words, for messages. */
  readonly name: string;
  /**
   * The chunks end with the input, or at the signal, which is not an error. A chunk is valid only
   * until the next is requested.
   */
  readonly chunks: AsyncGenerator<Buffer, void, void>;
  /** The same bytes, for callers that read ahead; use one of the two. */
  readonly owned: Owned;
}

/** How a capture is read. */
export interface CaptureReading {
  /** Whether to wait for more at the end of the file. */
  readonly follow?: boolean | undefined;
  /** Factor on the recorded pace; undefined to read as fast as possible. */
  readonly speed?: number | undefined;
}

/** Open a capture: a file (gzip too), or standard input for "-". */
export function openCapture(
  input: string,
  { follow = false, speed }: CaptureReading,
  stdin: () => Readable,
  signal: AbortSignal,
): Bytes {
  if (/^\/proc\/.*\/tcpsynq$/.test(input)) {
    throw new Usage(`-i ${input}: the module's own files are read with -i module`);
  }
  const name = input === '-' ? 'standard input' : input;
  const read = follow ? { chunks: followChunks(input, signal) } : whole(input, stdin, signal);
  const owned = speed === undefined ? read : { chunks: paced(read.chunks, speed, signal) };
  return {
    info: {
      source: input === '-' ? 'stdin' : 'file',
      from: input,
      live: follow || input === '-' || speed !== undefined,
      notKnown: [],
    },
    name,
    chunks: inTurn(owned),
    owned,
  };
}

function whole(input: string, stdin: () => Readable, signal: AbortSignal): Owned {
  if (input === '-') {
    return { chunks: streamChunks(stdin(), 'standard input', signal) };
  }
  const file = openFile(input);
  return { chunks: streamChunks(file, input, signal), release: file.release };
}

/**
 * Open the module's stream with its own filter: see "The filter" in docs/format.md.
 *
 * @param all whether to read the records made before the signal: see Tap.chunks
 */
export async function openModuleStream(
  namespace: Namespace,
  filter: TapFilter,
  signal: AbortSignal,
  all = false,
): Promise<Bytes> {
  const from = moduleFiles(namespace).stream;
  const tap = await openTap(namespace, filter).catch((error: unknown) => {
    throw error instanceof Failure ? error : new Failure(whyNot(from, error));
  });
  const owned = { chunks: tap.chunks(signal, all), release: tap.release };
  return {
    info: { source: 'module', from, live: true, notKnown: [] },
    name: 'the module',
    chunks: inTurn(owned),
    owned,
  };
}

function whyNot(path: string, error: unknown): string {
  switch (errno(error)) {
    case 'ENOENT':
      return `the tcpsynq module is not loaded: ${LOAD_IT}`;
    case 'EACCES':
    case 'EPERM':
      return `cannot open ${path}: it takes root, or the group of the module's parameter gid`;
    case 'EBUSY':
      return `cannot open ${path}: as many taps are open as its parameter taps allows`;
    default:
      return `cannot open ${path}: ${inWords(error)}`;
  }
}

import { setImmediate } from 'node:timers/promises';
import { constants, crc32, createInflateRaw, type InflateRaw, inflateRawSync } from 'node:zlib';
import { WholeLines } from '../stream/whole-lines.js';
import { Turns } from './turns.js';

const NOTHING: Buffer = Buffer.alloc(0);
/** The first bytes of a capture. */
const BEGINNING = Buffer.from('# tcpsynq ');

/**
 * RFC 1952, 2.3: lengths of the fixed part of a member's header and of its trailer; the header's
 * flags.
 */
const HEADER = 10;
const TRAILER = 8;
const [FHCRC, FEXTRA, FNAME, FCOMMENT] = [0x02, 0x04, 0x08, 0x10];
const RESERVED = 0xe0;
const MAGIC = Buffer.from([0x1f, 0x8b, 0x08]);
/**
 * The last bytes of a Z_SYNC_FLUSH: an empty stored block. The next block begins at a byte
 * boundary.
 */
const FLUSHED = Buffer.from([0, 0, 0xff, 0xff]);

/** Bytes inflated at once: they unpack to at most a thousand times as many. */
const PIECE = 16 * 1024;
/** Number of steps of the search for a member after which timers and signals are served. */
const LOOKS = 1000;
/** Unpacked bytes that deflated data can refer to: RFC 1951, 2. */
const WINDOW = 32 * 1024;
/** Minimum length of a piece that ends at a flush: each piece costs a call of zlib. */
const MIN_PIECE = 1024;
/** Maximum packed and unpacked bytes that are inflated again to find the damage in a piece. */
const MAX_AGAIN = 1024 * 1024;
const MAX_AGAIN_UNPACKED = 32 * 1024 * 1024;
/**
 * Bytes per step when a damaged piece is inflated again: first in large steps, then in small ones.
 */
const STEPS = [128, 1];
/**
 * Damage usually shows within this many bytes. So the search for a new header starts that far back.
 */
const LOOK_BACK = 64 * 1024;
/** Number of bytes by which a header is recognized as part of the text of the previous member. */
const NESTED = 18;
/** Maximum number of damaged places: after these, the rest of the input is not read. */
const MAX_DAMAGES = 256;
/**
 * Maximum number of candidates for the next member. In real files one of the first is the right
 * one.
 */
const MAX_CANDIDATES = 16_384;

/** A place up to which a member can be read, with the trailer that belongs there. */
export interface FlushPoint {
  /** Bytes of the input before it. */
  readonly at: number;
  readonly crc: number;
  /** Unpacked bytes of the input before it. */
  readonly text: number;
  /** Unpacked bytes of the member, modulo 2^32. */
  readonly length: number;
}

/** Where a member is damaged or cut short. */
export interface MemberDamage {
  /** Bytes of the input before the piece that shows the damage. */
  readonly near: number;
  /** The last place before the damage up to which the member is whole, if any. */
  readonly flushed: FlushPoint | null;
}

/** Packed bytes, with a way to look at some before taking them. */
class Packed {
  /** Bytes taken so far. */
  position = 0;
  #rest = NOTHING;
  #ended = false;

  constructor(private readonly chunks: AsyncIterator<Buffer>) {}

  /** Return the next bytes without taking them: `least` or more, fewer at the end of the input. */
  async peek(least: number): Promise<Buffer> {
    while (this.#rest.length < least && !this.#ended) {
      const next = await this.chunks.next();
      this.#ended = next.done === true;
      if (!next.done) {
        // Copy, since the chunk is valid only until the next one is asked for.
        this.#rest = Buffer.concat([this.#rest, next.value]);
      }
    }
    return this.#rest;
  }

  skip(bytes: number): void {
    this.#rest = this.#rest.subarray(bytes);
    this.position += bytes;
  }

  /** Take zeros; return their number, and whether the input ends there. */
  async skipZeros(): Promise<{ readonly zeros: number; readonly isOver: boolean }> {
    for (let zeros = 0; ; ) {
      const ahead = await this.peek(1);
      const at = ahead.findIndex((byte) => byte !== 0);
      const length = at < 0 ? ahead.length : at;
      this.skip(length);
      zeros += length;
      if (at >= 0 || length === 0) {
        return { zeros, isOver: at < 0 };
      }
    }
  }

  /** Put back the bytes taken last. */
  putBack(bytes: Buffer): void {
    this.#rest = Buffer.concat([bytes, this.#rest]);
    this.position -= bytes.length;
  }
}

/**
 * Unpack gzip of any number of members. For a damaged or cut member, yield its whole lines up to
 * the damage and report it. Then continue with the next member that begins a capture. So `cat
 * FILE.*.gz` is read completely, even with cut files in it. Like gzip, skip zeros at the end of the
 * input; zeros before more data are damage. Stop after MAX_DAMAGES, or at the signal.
 *
 * @param onWhole called after each whole member with the number of input bytes up to its end
 */
export async function* unpackGzip(
  chunks: AsyncIterator<Buffer>,
  onDamage: (damage: MemberDamage) => void,
  onWhole: (end: number) => void = () => {},
  signal?: AbortSignal,
): AsyncGenerator<Buffer, void, void> {
  const packed = new Packed(chunks);
  // Half lines on both sides of damage must not be joined.
  const text = new WholeLines();
  const turns = new Turns();
  for (let damages = 0; damages < MAX_DAMAGES && !signal?.aborted; ) {
    const near = packed.position;
    const { zeros, isOver } = await packed.skipZeros();
    if (isOver) {
      break;
    }
    if (zeros > 0) {
      yield text.drop();
      damages += 1;
      onDamage({ near, flushed: null });
      if (!(await startsMember(packed))) {
        await findMember(packed, signal);
        continue;
      }
    }
    const member = new Member(packed, text.taken, signal);
    const before = text.taken;
    yield* linesOf(member, text, turns);
    if (turns.isStuck(text.taken === before)) {
      onDamage({ near, flushed: null });
      break;
    }
    if (member.isWhole) {
      onWhole(packed.position);
    } else if (!signal?.aborted) {
      yield text.drop();
      damages += 1;
      onDamage(member.damage);
      packed.putBack(member.recent);
      await findMember(packed, signal, member.text);
    }
  }
  yield text.rest();
}

async function* linesOf(
  member: Member,
  text: WholeLines,
  turns: Turns,
): AsyncGenerator<Buffer, void, void> {
  for await (const bytes of member.unpack()) {
    yield text.add(bytes);
    await turns.after(bytes.length);
  }
}

async function startsMember(packed: Packed): Promise<boolean> {
  return (await packed.peek(MAGIC.length)).subarray(0, MAGIC.length).equals(MAGIC);
}

/** The last bytes of a stream, in chunks. */
class Tail {
  readonly #chunks: Buffer[] = [];
  #held = 0;

  /** @param length number of bytes to keep */
  constructor(private readonly length: number) {}

  add(bytes: Buffer): void {
    this.#chunks.push(bytes);
    this.#held += bytes.length;
    for (let [first] = this.#chunks; first !== undefined; [first] = this.#chunks) {
      if (this.#held - first.length < this.length) {
        break;
      }
      this.#held -= first.length;
      this.#chunks.shift();
    }
  }

  last(length: number): Buffer {
    return Buffer.concat(this.#chunks).subarray(-length);
  }
}

/** One member: its header, its deflated data, and its trailer. */
class Member {
  /** Whether all of the member was unpacked, and matches its trailer. */
  isWhole = false;
  readonly #inflate = createInflateRaw({ chunkSize: 4 * PIECE });
  readonly #out: Buffer[] = [];
  /** Packed bytes since the last flush; null if too many to inflate again. */
  #since: Buffer[] | null = [];
  #sinceLength = 0;
  /** The last unpacked bytes before the last flush, and the number of bytes yielded after it. */
  #lastFlush = NOTHING;
  #given = 0;
  /** The last packed bytes taken, without the first byte of the header. */
  readonly #taken = new Tail(LOOK_BACK);
  /** The last unpacked bytes. */
  readonly #text = new Tail(LOOK_BACK);
  #near: number;
  #flushed: FlushPoint | null = null;
  #crc = 0;
  #length = 0;
  #all = 0;

  /** @param before number of unpacked bytes of the input before this member */
  constructor(
    private readonly packed: Packed,
    private readonly before: number,
    private readonly signal?: AbortSignal,
  ) {
    this.#near = packed.position;
  }

  /** Return the damage of a member that is not whole. */
  get damage(): MemberDamage {
    return { near: this.#near, flushed: this.#flushed };
  }

  /** Return the last packed bytes taken, without the first byte of the header. */
  get recent(): Buffer {
    return this.#taken.last(LOOK_BACK);
  }

  /** Return the last unpacked bytes. */
  get text(): Buffer {
    return this.#text.last(LOOK_BACK);
  }

  async *unpack(): AsyncGenerator<Buffer, void, void> {
    const packed = this.packed;
    const header = await headerLength(packed);
    // Never look at the first byte again, so that a search always advances.
    packed.skip(1);
    if (header === null) {
      return;
    }
    this.#take(await packed.peek(1), header - 1);
    const inflate = this.#inflate;
    inflate.on('data', (bytes) => this.#out.push(bytes));
    const step = stepsOf(inflate);
    try {
      for (let outcome: Outcome = 'more'; outcome === 'more'; ) {
        const { piece, isFlushed } = await this.#next();
        if (piece.length === 0 || this.signal?.aborted) {
          return;
        }
        const before = inflate.bytesWritten;
        outcome = await step(piece);
        this.#take(piece, outcome === 'end' ? inflate.bytesWritten - before : piece.length);
        yield* this.#unpacked();
        if (outcome === 'damaged') {
          yield* this.#readAgain(piece);
        } else if (outcome === 'end') {
          this.isWhole = await this.#checkTrailer();
        } else {
          this.#remember(piece, isFlushed);
        }
      }
    } finally {
      inflate.destroy();
    }
  }

  #remember(piece: Buffer, isFlushed: boolean): void {
    if (isFlushed) {
      const [crc, length] = [this.#crc, this.#length];
      this.#flushed = { at: this.packed.position, crc, text: this.before + this.#all, length };
      this.#since = [];
      this.#sinceLength = 0;
      this.#given = 0;
    } else if (this.#since !== null) {
      this.#since.push(piece);
      this.#sinceLength += piece.length;
      const isTooMuch = this.#sinceLength > MAX_AGAIN || this.#given > MAX_AGAIN_UNPACKED;
      this.#since = isTooMuch ? null : this.#since;
    }
  }

  /** Return the next piece, and whether a flush may end where it ends. */
  async #next(): Promise<{ readonly piece: Buffer; readonly isFlushed: boolean }> {
    this.#near = this.packed.position;
    const ahead = (await this.packed.peek(PIECE)).subarray(0, PIECE);
    let at = ahead.indexOf(FLUSHED, MIN_PIECE - FLUSHED.length);
    if (at < 0 && ahead.length < PIECE) {
      at = ahead.lastIndexOf(FLUSHED);
    }
    return { piece: at < 0 ? ahead : ahead.subarray(0, at + FLUSHED.length), isFlushed: at >= 0 };
  }

  *#unpacked(): Generator<Buffer, void, void> {
    for (const bytes of this.#out.splice(0)) {
      this.#crc = crc32(bytes, this.#crc);
      this.#length = (this.#length + bytes.length) % 2 ** 32;
      this.#all += bytes.length;
      if (this.#given === 0) {
        this.#lastFlush = this.#text.last(WINDOW);
      }
      this.#given += bytes.length;
      this.#text.add(bytes);
      yield bytes;
    }
  }

  /**
   * Yield the text of the damaged piece before its damage. zlib yields none of it, so start again
   * after the last flush, and inflate the piece in steps. The first pass finds the large step that
   * is damaged, the second the byte in it.
   */
  async *#readAgain(piece: Buffer): AsyncGenerator<Buffer, void, void> {
    if (this.#since === null) {
      return;
    }
    const dictionary = this.#given > 0 ? this.#lastFlush : this.#text.last(WINDOW);
    let whole = 0;
    for (const step of STEPS) {
      const again = new Again(dictionary, this.#given);
      try {
        for (const before of [...this.#since, piece.subarray(0, whole)]) {
          await again.write(before);
        }
        for (; whole < piece.length && !this.signal?.aborted; whole += step) {
          const outcome = await again.write(piece.subarray(whole, whole + step));
          for (const bytes of again.take()) {
            this.#given += bytes.length;
            this.#text.add(bytes);
            yield bytes;
          }
          if (outcome !== 'more') {
            break;
          }
        }
      } finally {
        again.close();
      }
    }
  }

  async #checkTrailer(): Promise<boolean> {
    this.#near = this.packed.position;
    const trailer = (await this.packed.peek(TRAILER)).subarray(0, TRAILER);
    const isWhole =
      trailer.length === TRAILER &&
      trailer.readUInt32LE(0) === this.#crc &&
      trailer.readUInt32LE(4) === this.#length;
    this.#take(trailer, trailer.length);
    return isWhole;
  }

  #take(ahead: Buffer, bytes: number): void {
    this.#taken.add(ahead.subarray(0, bytes));
    this.packed.skip(bytes);
  }
}

/** Inflates bytes again, and skips the text that was already yielded. */
class Again {
  readonly #inflate: InflateRaw;
  readonly #step: (piece: Buffer) => Promise<Outcome>;
  readonly #out: Buffer[] = [];

  /** @param given number of unpacked bytes to skip */
  constructor(dictionary: Buffer, given: number) {
    this.#inflate = createInflateRaw({ dictionary, chunkSize: 4 * PIECE });
    this.#step = stepsOf(this.#inflate);
    let known = given;
    this.#inflate.on('data', (bytes) => {
      if (bytes.length > known) {
        this.#out.push(bytes.subarray(known));
      }
      known = Math.max(0, known - bytes.length);
    });
  }

  async write(piece: Buffer): Promise<Outcome> {
    return piece.length > 0 ? this.#step(piece) : 'more';
  }

  take(): Buffer[] {
    return this.#out.splice(0);
  }

  close(): void {
    this.#inflate.destroy();
  }
}

/** Return the length of a member's header, or null if there is no header. */
async function headerLength(packed: Packed): Promise<number | null> {
  const start = await packed.peek(HEADER);
  const flags = start[3] ?? 0;
  if (start.length < HEADER || !start.subarray(0, MAGIC.length).equals(MAGIC) || flags & RESERVED) {
    return null;
  }
  let length = HEADER;
  if (flags & FEXTRA) {
    const more = await packed.peek(length + 2);
    length += more.length < length + 2 ? 2 : 2 + more.readUInt16LE(length);
  }
  for (const flag of [FNAME, FCOMMENT]) {
    if (flags & flag) {
      const name = await packed.peek(length + PIECE);
      const end = name.subarray(0, length + PIECE).indexOf(0, length);
      if (end < 0) {
        return null;
      }
      length = end + 1;
    }
  }
  length += flags & FHCRC ? 2 : 0;
  return (await packed.peek(length)).length < length ? null : length;
}

type Outcome = 'more' | 'end' | 'damaged';

/**
 * Return a function that inflates pieces. After the outcome `end`, `inflate.bytesWritten` gives the
 * place of the end.
 */
function stepsOf(inflate: InflateRaw): (piece: Buffer) => Promise<Outcome> {
  let settle: (outcome: Outcome) => void = () => {};
  inflate.on('error', () => settle('damaged'));
  inflate.on('end', () => settle('end'));
  return (piece) =>
    new Promise((resolve) => {
      settle = resolve;
      inflate.write(piece, (error) => resolve(error ? 'damaged' : 'more'));
    });
}

/**
 * Go to the next member that begins a capture, or to the end.
 *
 * @param text text of the previous member: skip a header whose bytes are in this text, since it
 *   belongs to that member
 */
async function findMember(packed: Packed, signal?: AbortSignal, text = NOTHING): Promise<void> {
  let candidates = 0;
  for (let looks = 1; !signal?.aborted; looks++) {
    // A member may seem to begin at every third byte of a file, so serve signals in between.
    if (looks % LOOKS === 0) {
      await setImmediate();
    }
    const ahead = await packed.peek(PIECE);
    const at = candidates < MAX_CANDIDATES ? ahead.indexOf(MAGIC) : -1;
    if (at >= 0) {
      packed.skip(at);
      candidates += 1;
      const start = ahead.subarray(at, at + NESTED);
      if (!text.includes(start) && (await isBeginning(packed))) {
        return;
      }
    } else if (ahead.length < PIECE) {
      packed.skip(ahead.length);
      return;
    }
    packed.skip(at >= 0 ? 1 : ahead.length - MAGIC.length + 1);
  }
}

async function isBeginning(packed: Packed): Promise<boolean> {
  const header = await headerLength(packed);
  if (header === null) {
    return false;
  }
  const ahead = (await packed.peek(header + PIECE)).subarray(header, header + PIECE);
  try {
    // Start with few bytes: there may be damage further on.
    for (let length = 64; length <= PIECE; length *= 4) {
      const some = ahead.subarray(0, length);
      const text = inflateRawSync(some, { finishFlush: constants.Z_SYNC_FLUSH });
      if (text.length >= BEGINNING.length) {
        return text.subarray(0, BEGINNING.length).equals(BEGINNING);
      }
    }
  } catch {
    // It is not deflated data.
  }
  return false;
}

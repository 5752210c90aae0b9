import { constants, crc32, createInflateRaw, type InflateRaw, inflateRawSync } from 'node:zlib';
import { MAX_LINE } from '../record/stream.js';

const NEWLINE = 0x0a;
const NOTHING: Buffer = Buffer.alloc(0);
/** What a capture begins with. */
const BEGINNING = Buffer.from('# tcpsynq ');

/** RFC 1952, 2.3: the fixed part of a member's header, and its flags. */
const HEADER = 10;
const TRAILER = 8;
const [FHCRC, FEXTRA, FNAME, FCOMMENT] = [0x02, 0x04, 0x08, 0x10];
const RESERVED = 0xe0;
const MAGIC = Buffer.from([0x1f, 0x8b, 0x08]);
/** What Z_SYNC_FLUSH ends in: an empty stored block. After it comes a new block at a whole byte. */
const FLUSHED = Buffer.from([0, 0, 0xff, 0xff]);

/** Bytes inflated at once: an unpacked piece is at most a thousand times as long. */
const PIECE = 16 * 1024;
/** Unpacked bytes that deflated data can refer to: RFC 1951, 2. */
const WINDOW = 32 * 1024;
/** Pieces that are inflated again to find where one is damaged. */
const MAX_PIECES = 64;
/** Bytes in which damage shows at the latest, as a rule: a new header is looked for from there. */
const LOOK_BACK = 64 * 1024;

/** A place up to which a member can be read, and what its trailer would say there. */
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
  /** Bytes of the input before the piece in which it shows. */
  readonly near: number;
  /** The last place before it up to which the member is whole, if it has one. */
  readonly flushed: FlushPoint | null;
}

/** Packed bytes, of which some are looked at before they are taken. */
class Packed {
  /** Bytes taken so far. */
  position = 0;
  readonly #chunks: AsyncIterator<Buffer>;
  #rest = NOTHING;
  #ended = false;

  constructor(chunks: AsyncIterator<Buffer>) {
    this.#chunks = chunks;
  }

  /** Return the next bytes without taking them: `least` or more, fewer at the end of the input. */
  async peek(least: number): Promise<Buffer> {
    while (this.#rest.length < least && !this.#ended) {
      const next = await this.#chunks.next();
      this.#ended = next.done === true;
      if (!next.done) {
        // A copy where it must wait: the chunk is only lent until the next one is asked for.
        this.#rest = Buffer.concat([this.#rest, next.value]);
      }
    }
    return this.#rest;
  }

  skip(bytes: number): void {
    this.#rest = this.#rest.subarray(bytes);
    this.position += bytes;
  }

  /** Take zeros; return how many there were, and whether anything follows. */
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

  /** Put back bytes that were taken last. */
  putBack(bytes: Buffer): void {
    this.#rest = Buffer.concat([bytes, this.#rest]);
    this.position -= bytes.length;
  }
}

/**
 * Unpack gzip of any number of members. Of a member that is damaged or cut short, give its whole
 * lines up to there, report it, and go on with the next member that begins a capture: so all of
 * `cat FILE.*.gz` is read, though some of the files were cut. As gzip does, skip zeros at the end
 * of the input; zeros before more data are damage.
 *
 * @param onWhole called after each whole member with the bytes of the input up to its end
 */
export async function* unpackGzip(
  chunks: AsyncIterator<Buffer>,
  onDamage: (damage: MemberDamage) => void,
  onWhole: (end: number) => void = () => {},
): AsyncGenerator<Buffer, void, void> {
  const packed = new Packed(chunks);
  const text = new WholeLines();
  for (;;) {
    const near = packed.position;
    const { zeros, isOver } = await packed.skipZeros();
    if (isOver) {
      break;
    }
    if (zeros > 0) {
      yield text.drop();
      onDamage({ near, flushed: null });
      if (!(await startsMember(packed))) {
        await findMember(packed, NOTHING);
        continue;
      }
    }
    const member = new Member(packed, text.taken);
    for await (const bytes of member.unpack()) {
      yield text.add(bytes);
    }
    if (member.isWhole) {
      onWhole(packed.position);
    } else {
      yield text.drop();
      onDamage(member.damage);
      await findMember(packed, member.recent);
    }
  }
  yield text.rest();
}

async function startsMember(packed: Packed): Promise<boolean> {
  return (await packed.peek(MAGIC.length)).subarray(0, MAGIC.length).equals(MAGIC);
}

/** Hold back the last line until it is whole: damage must not join two halves. */
class WholeLines {
  /** Bytes taken so far, but for the lines that were forgotten. */
  taken = 0;
  #kept: Buffer[] = [];
  #length = 0;
  /** The line is too long to be held back, or to be read. */
  #isBegun = false;

  add(bytes: Buffer): Buffer {
    const end = bytes.lastIndexOf(NEWLINE) + 1;
    this.taken += bytes.length;
    this.#isBegun &&= end === 0;
    const isOver = this.#length + bytes.length - end > MAX_LINE;
    const until = isOver ? bytes.length : end;
    if (until === 0) {
      this.#kept.push(bytes);
      this.#length += bytes.length;
      return NOTHING;
    }
    const lines = Buffer.concat([...this.#kept, bytes.subarray(0, until)]);
    this.#kept = [bytes.subarray(until)];
    this.#length = bytes.length - until;
    this.#isBegun ||= isOver;
    return lines;
  }

  /** Forget the last line; return its end, if its beginning was given. */
  drop(): Buffer {
    const end = this.#isBegun ? Buffer.from([NEWLINE]) : NOTHING;
    this.taken += end.length - this.#length;
    this.#kept = [];
    this.#length = 0;
    this.#isBegun = false;
    return end;
  }

  rest(): Buffer {
    return Buffer.concat(this.#kept);
  }
}

/** One member: its header, its deflated data, and its trailer. */
class Member {
  /** Known when all of it has been unpacked. */
  isWhole = false;
  /** The last bytes that were taken, but for the first one of the header. */
  recent = NOTHING;
  readonly #packed: Packed;
  readonly #inflate = createInflateRaw({ chunkSize: 4 * PIECE });
  readonly #out: Buffer[] = [];
  /** Packed bytes since the last flush; null if there are too many to begin again there. */
  #since: Buffer[] | null = [];
  /** The last unpacked bytes before the last flush, and how many after it were given. */
  #lastFlush = NOTHING;
  #given = 0;
  /** The last unpacked bytes. */
  #window = NOTHING;
  #near: number;
  #flushed: FlushPoint | null = null;
  readonly #before: number;
  #crc = 0;
  #length = 0;
  #all = 0;

  /** @param before unpacked bytes of the input before this member */
  constructor(packed: Packed, before: number) {
    this.#packed = packed;
    this.#before = before;
    this.#near = packed.position;
  }

  /** What is wrong with one that is not whole. */
  get damage(): MemberDamage {
    return { near: this.#near, flushed: this.#flushed };
  }

  async *unpack(): AsyncGenerator<Buffer, void, void> {
    const packed = this.#packed;
    const header = await headerLength(packed);
    // The first byte is not looked at again, so that a search always goes on.
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
        if (piece.length === 0) {
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
      this.#flushed = { at: this.#packed.position, crc, text: this.#before + this.#all, length };
      this.#since = [];
      this.#given = 0;
    } else if (this.#since !== null) {
      this.#since.push(piece);
      this.#since = this.#since.length > MAX_PIECES ? null : this.#since;
    }
  }

  /** Return the next piece, and whether a flush may have ended with it. */
  async #next(): Promise<{ readonly piece: Buffer; readonly isFlushed: boolean }> {
    this.#near = this.#packed.position;
    const ahead = (await this.#packed.peek(PIECE)).subarray(0, PIECE);
    const at = ahead.indexOf(FLUSHED);
    return { piece: at < 0 ? ahead : ahead.subarray(0, at + FLUSHED.length), isFlushed: at >= 0 };
  }

  *#unpacked(): Generator<Buffer, void, void> {
    for (const bytes of this.#out.splice(0)) {
      this.#crc = crc32(bytes, this.#crc);
      this.#length = (this.#length + bytes.length) % 2 ** 32;
      this.#all += bytes.length;
      if (this.#given === 0) {
        this.#lastFlush = this.#window;
      }
      this.#given += bytes.length;
      this.#window = Buffer.concat([this.#window, bytes]).subarray(-WINDOW);
      yield bytes;
    }
  }

  /**
   * Give what the damaged piece holds before its damage. zlib gives nothing of it, so begin again
   * after the last flush, and inflate that piece byte by byte.
   */
  async *#readAgain(piece: Buffer): AsyncGenerator<Buffer, void, void> {
    if (this.#since === null) {
      return;
    }
    const inflate = createInflateRaw({
      dictionary: this.#given > 0 ? this.#lastFlush : this.#window,
    });
    const out: Buffer[] = [];
    inflate.on('data', (bytes) => out.push(bytes));
    const step = stepsOf(inflate);
    for (const before of this.#since) {
      await step(before);
    }
    for (let at = 0; at < piece.length && (await step(piece.subarray(at, at + 1))) === 'more'; ) {
      at += 1;
    }
    inflate.destroy();
    yield Buffer.concat(out).subarray(this.#given);
  }

  async #checkTrailer(): Promise<boolean> {
    this.#near = this.#packed.position;
    const trailer = (await this.#packed.peek(TRAILER)).subarray(0, TRAILER);
    const isWhole =
      trailer.length === TRAILER &&
      trailer.readUInt32LE(0) === this.#crc &&
      trailer.readUInt32LE(4) === this.#length;
    this.#take(trailer, trailer.length);
    return isWhole;
  }

  #take(ahead: Buffer, bytes: number): void {
    this.recent = Buffer.concat([this.recent, ahead.subarray(0, bytes)]).subarray(-LOOK_BACK);
    this.#packed.skip(bytes);
  }
}

/** Return the length of the header of a member, or null if there is none. */
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
      const end = (await packed.peek(length + PIECE)).indexOf(0, length);
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

/** Inflate piece after piece. After `end`, `inflate.bytesWritten` says where the data ended. */
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

/** Go to the next member that begins a capture, in the bytes taken last or after them, or to the end. */
async function findMember(packed: Packed, recent: Buffer): Promise<void> {
  packed.putBack(recent);
  for (;;) {
    const ahead = await packed.peek(PIECE);
    const at = ahead.indexOf(MAGIC);
    if (at >= 0) {
      packed.skip(at);
      if (await isBeginning(packed)) {
        return;
      }
      packed.skip(1);
    } else if (ahead.length < PIECE) {
      packed.skip(ahead.length);
      return;
    } else {
      packed.skip(ahead.length - MAGIC.length + 1);
    }
  }
}

async function isBeginning(packed: Packed): Promise<boolean> {
  const header = await headerLength(packed);
  if (header === null) {
    return false;
  }
  const ahead = (await packed.peek(header + PIECE)).subarray(header, header + PIECE);
  try {
    // A little at first: there may be damage further on.
    for (let length = 64; length <= PIECE; length *= 4) {
      const some = ahead.subarray(0, length);
      const text = inflateRawSync(some, { finishFlush: constants.Z_SYNC_FLUSH });
      if (text.length >= BEGINNING.length) {
        return text.subarray(0, BEGINNING.length).equals(BEGINNING);
      }
    }
  } catch {
    // It is no deflated data.
  }
  return false;
}

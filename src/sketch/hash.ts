/**
 * Random bits of this process. Anyone may send the keys, which are addresses and texts. Without
 * these bits a sender could choose keys with equal hashes. They change estimates slightly from
 * process to process, but no exact result. V8 seeds Math.random() from the kernel, and no sender
 * sees its output. So node:crypto is not needed, which would take 2 MB more, and a tenth of the
 * start-up time.
 */
const [SEED_HIGH, SEED_LOW] = [random32(), random32()];

function random32(): number {
  return Math.floor(Math.random() * 2 ** 32);
}

/** Hash a 64-bit key to 32 bits: MurmurHash3's finalizer (Austin Appleby), three times. */
export function hashOf(high: number, low: number): number {
  return mix(mix(mix(high ^ SEED_HIGH) ^ low) ^ SEED_LOW);
}

/**
 * Hashes any number of texts to 64 bits: the hashes of two different inputs are equal once in 2^64.
 */
export class TextHash {
  high = 0;
  low = 0;

  /** Read texts; the end of each is part of the hash. */
  read(texts: readonly string[]): void {
    let [high, low] = [SEED_HIGH, SEED_LOW];
    for (const text of texts) {
      for (let i = 0; i < text.length; i++) {
        const code = text.charCodeAt(i);
        high = mix(high ^ code);
        low = mix(low ^ (code << 16));
      }
      high = mix(high ^ END);
      low = mix(low ^ END);
    }
    this.high = high;
    this.low = low;
  }
}

/** Marks the end of a text. It differs from any 16-bit character, unshifted or shifted by 16. */
const END = 0x10000 | 1;

function mix(value: number): number {
  let bits = value ^ 0x9e3779b9;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}

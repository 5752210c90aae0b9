import { hashOf } from './hash.js';

/** 2^14 registers of one byte. */
const INDEX_BITS = 14;
const REGISTERS = 1 << INDEX_BITS;
const RANK_BITS = 32 - INDEX_BITS;

/**
 * Estimates the number of distinct keys, in 16 KiB: HyperLogLog (Flajolet, Fusy, Gandouet, Meunier,
 * 2007) over a 32-bit hash, with linear counting while few registers are set. It works up to
 * hundreds of millions of keys.
 */
export class HyperLogLog {
  /** The relative standard error of the estimate: 1.04 / sqrt(registers). */
  static readonly ERROR = 1.04 / Math.sqrt(REGISTERS);

  readonly #registers = new Uint8Array(REGISTERS);

  /** Add a 64-bit key, given as two 32-bit whole numbers. */
  add(high: number, low: number): void {
    const hash = hashOf(high, low);
    const at = hash >>> RANK_BITS;
    // The position of the first 1 among the bits outside the index.
    const rank = Math.min(Math.clz32(hash << INDEX_BITS), RANK_BITS) + 1;
    if (rank > (this.#registers[at] as number)) {
      this.#registers[at] = rank;
    }
  }

  /**
   * Return the estimated number of keys, as a whole number. In 95 of 100 cases its error is within
   * twice ERROR.
   */
  get estimate(): number {
    let sum = 0;
    let zeros = 0;
    for (const rank of this.#registers) {
      sum += 2 ** -rank;
      zeros += rank === 0 ? 1 : 0;
    }
    const raw = ((0.7213 / (1 + 1.079 / REGISTERS)) * REGISTERS * REGISTERS) / sum;
    if (raw <= 2.5 * REGISTERS && zeros > 0) {
      return Math.round(REGISTERS * Math.log(REGISTERS / zeros));
    }
    // Only deliberately chosen keys can fill the registers this far.
    if (raw >= 2 ** 32) {
      return 2 ** 32;
    }
    // Correct for keys with equal hashes; negligible below millions.
    return Math.round(-(2 ** 32) * Math.log(1 - raw / 2 ** 32));
  }
}

/** Parse a whole decimal number; return undefined for other text, or if a double cannot hold it. */
export function parseInteger(token: string): number | undefined {
  if (!/^-?\d+$/.test(token)) {
    return undefined;
  }
  const value = Number(token);
  return Number.isSafeInteger(value) ? value : undefined;
}

/**
 * The largest time and the largest clock offset accepted, in seconds: a Date can hold their sum.
 */
export const MAX_SECONDS = 4e12;

/** The maximum number of digits of a fraction of a second. */
export const MAX_FRACTION = 18;

/**
 * Parse `seconds.nanoseconds` to seconds; return undefined for other text. A double keeps single
 * nanoseconds up to 52 days of stream time. It keeps a clock offset (seconds since 1970) to a
 * quarter of a µs.
 */
export function parseSeconds(token: string): number | undefined {
  const [, fraction] = /^\d+(?:\.(\d+))?$/.exec(token) ?? [null, null];
  if (fraction === null || (fraction?.length ?? 0) > MAX_FRACTION) {
    return undefined;
  }
  const value = Number(token);
  return value <= MAX_SECONDS ? value : undefined;
}

/**
 * Parse an unsigned hexadecimal number as files under /proc/net/stat print it. Sixteen digits with
 * the top bit set are a negative 64-bit number in two's complement.
 */
export function parseHex(token: string): number | undefined {
  if (!/^[0-9a-f]{1,16}$/i.test(token)) {
    return undefined;
  }
  const value = Number(BigInt.asIntN(64, BigInt(`0x${token}`)));
  return Number.isSafeInteger(value) ? value : undefined;
}

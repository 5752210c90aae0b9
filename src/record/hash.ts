/** 32 bits that each depend on all 64 of the key: MurmurHash3's finalizer (Austin Appleby), twice. */
export function hashOf(high: number, low: number): number {
  return mix(mix(high) ^ low);
}

function mix(value: number): number {
  let bits = value ^ 0x9e3779b9;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}

/** SYNs of a large flood: fewer on a kernel that watches itself at every step. */
export const FLOOD = Number(process.env.FLOOD ?? 5_000);

/** SYNs of a large flood. `make test-matrix` sends 100,000, a kernel that watches itself gets 2000. */
export const FLOOD = Number(process.env.FLOOD ?? 5_000);

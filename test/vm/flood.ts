/** SYNs of a large flood. `make test-matrix` sends 100,000; debug kernels get 2,000. */
export const FLOOD = Number(process.env.FLOOD ?? 5_000);

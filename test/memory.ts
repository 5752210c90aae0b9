import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');

/** Collect garbage, so that memory use counts only what is still referenced. */
export const gc: () => void = runInNewContext('gc');

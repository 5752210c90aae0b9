import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');

/** Collect garbage, so that what is used is what is kept. */
export const gc: () => void = runInNewContext('gc');

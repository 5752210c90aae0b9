import { Usage } from '../failure.js';
import { type Input, isLive } from '../source/select.js';

/** The options that every command takes. */
export interface CommonOptions {
  readonly input: Input;
  readonly netns?: string;
  readonly json?: boolean;
}

/** Refuses combinations of input and options that would silently have no effect. */
export function checkInput({ input, netns }: CommonOptions, needsModule: string | null): void {
  if (netns !== undefined && !isLive(input)) {
    throw new Usage('--netns has no meaning for a capture: it shows the namespace it was taken in');
  }
  if (needsModule !== null && input !== 'auto' && input !== 'module') {
    throw new Usage(
      `${needsModule} reads the module: -i takes auto or module here, not "${input}"`,
    );
  }
}

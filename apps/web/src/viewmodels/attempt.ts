/** Doing what the user asked, and saying so where it failed. */
import { errorText } from '../platform/errors';
import { toasts } from './toast.svelte';

/** Waits for `deed`; a refusal becomes a sentence, and false. */
export async function attempt(deed: Promise<unknown>): Promise<boolean> {
  try {
    await deed;
    return true;
  } catch (error) {
    toasts.say(errorText(error));
    return false;
  }
}

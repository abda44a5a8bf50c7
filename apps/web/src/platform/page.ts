/** What the page starts beside the engine: the chosen look at once, the service worker once the page is drawn. */
import { notices } from '../viewmodels/notices.svelte';
import { look } from '../viewmodels/theme.svelte';
import { updates } from '../viewmodels/updates.svelte';

/** Called once by `main.ts`, before anything is mounted. */
export function startPage(): void {
  look.start();
  if (import.meta.env.DEV) return;
  addEventListener('load', () => {
    void updates.start();
    // Without its words the worker says them in English.
    void notices.teachWorker().catch(() => {});
  }, { once: true });
}

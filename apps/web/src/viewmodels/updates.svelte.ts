/**
 * The installed app: offline start, new versions when the user agrees, the browser's offer to install.
 *
 * A new version waits until somebody asks for it (`apply`), so that nothing changes under a message that is being
 * written; drafts are kept by the engine all the same.
 */
import { ownScript } from '../platform/trusted';

const LOOK_EVERY_MS = 3_600_000;

interface InstallEvent extends Event {
  prompt(): Promise<unknown>;
}

class Updates {
  /** A newer version is here and waits. */
  isWaiting = $state(false);
  /** The browser would install the app if it was asked. */
  mayInstall = $state(false);
  #registration: ServiceWorkerRegistration | null = null;
  #install: InstallEvent | null = null;
  #isApplying = false;

  /** Registers the service worker; called once, after the first paint. */
  async start(): Promise<void> {
    addEventListener('beforeinstallprompt', (event) => {
      event.preventDefault();
      this.#install = event as InstallEvent;
      this.mayInstall = true;
    });
    addEventListener('appinstalled', () => { this.mayInstall = false; });
    const workers = navigator.serviceWorker as ServiceWorkerContainer | undefined;
    if (!workers) return;
    let hadController = workers.controller !== null;
    workers.addEventListener('controllerchange', () => {
      if (!hadController) hadController = true;
      else if (this.#isApplying) location.reload();
      // Another tab took the new version: this one goes on until its user agrees.
      else this.isWaiting = true;
    });
    try {
      const registration = await workers.register(ownScript('/sw.js'), { type: 'classic', updateViaCache: 'none' });
      this.#registration = registration;
      this.#look(registration);
      registration.addEventListener('updatefound', () => this.#follow(registration.installing));
      setInterval(() => void registration.update().catch(() => {}), LOOK_EVERY_MS);
    } catch {
      // Without it the app works as long as there is a network.
    }
  }

  /** Takes the new version now: the page loads again. */
  apply(): void {
    const waiting = this.#registration?.waiting;
    this.#isApplying = true;
    if (waiting) waiting.postMessage({ type: 'update' });
    else location.reload();
  }

  async install(): Promise<void> {
    this.mayInstall = false;
    await this.#install?.prompt();
  }

  #look(registration: ServiceWorkerRegistration): void {
    if (registration.waiting && registration.active) this.isWaiting = true;
    else this.#follow(registration.installing);
  }

  #follow(worker: ServiceWorker | null): void {
    worker?.addEventListener('statechange', () => {
      if (worker.state === 'installed' && this.#registration?.active) this.isWaiting = true;
    });
  }
}

export const updates = new Updates();

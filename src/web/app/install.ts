/** The page as an app: its worker, and the browser's own offer to install it, when somebody asks for it. */
import { byId } from './elements.ts';

interface Offer extends Event {
  prompt(): Promise<unknown>;
}

const WORKER = '/app-worker.js';

interface TrustedTypes {
  createPolicy(
    name: string,
    rules: { createScriptURL: (url: string) => string },
  ): { createScriptURL(url: string): string };
}

/** The policy of the page lets no text become script, but for this one address. */
function workerUrl(): string {
  const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes };
  return trustedTypes?.createPolicy('worker', { createScriptURL: () => WORKER }).createScriptURL('') ?? WORKER;
}

export function makeInstallable(): void {
  // Over plain http there is none; and where it is refused, the page works without.
  navigator.serviceWorker?.register(workerUrl()).catch(() => undefined);
  const button = byId('install');
  addEventListener('beforeinstallprompt', (event) => {
    event.preventDefault();
    button.hidden = false;
    button.onclick = () => {
      button.hidden = true;
      void (event as Offer).prompt();
    };
  });
  addEventListener('appinstalled', () => {
    button.hidden = true;
  });
}

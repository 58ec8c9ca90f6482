/**
 * A browser as it is: `fetch` and `EventSource` of a page of ours over HTTP/2, signed in by the cookie of a session. What it sends by itself
 * beside what the page says, is in what is counted; its first has the page and the signing in as well.
 */
import { type Chromium, startChromium } from '../../../test/support/chromium.ts';
import { CHANNEL, FROM } from './talk.ts';
import type { Listener, Sender, Way } from './way.ts';

export interface ChromiumAt {
  readonly edge: { readonly tlsUrl: string; readonly certificate: string };
  readonly authorization: string;
}

const inHead = `fetch('${CHANNEL}', { method: 'POST', body: 'x', headers: { 'change-from': '${FROM}', 'change-seq': ++seq } })`;
const inPath = `fetch('${CHANNEL}?from=${FROM}&seq=' + ++seq, { method: 'POST', body: 'x' })`;

export function chromiumWays(name: string, { edge, authorization }: ChromiumAt, publish: Way['publish']): Way[] {
  async function signedIn(port: number): Promise<Chromium> {
    const chromium = await startChromium({ certificate: edge.certificate });
    await chromium.open(`https://localhost:${port}/healthz`);
    const headers = JSON.stringify({ authorization });
    await chromium.evaluate(`fetch('/session', { method: 'POST', headers: ${headers} }).then(({ status }) => {
      if (status !== 204) throw new Error(status);
      globalThis.seq = globalThis.heard = 0;
    })`);
    return chromium;
  }

  async function sender(port: number, asked: string): Promise<Sender> {
    const chromium = await signedIn(port);
    const said = `${asked}.then(({ status }) => { if (status !== 204) throw new Error(status); })`;
    const send = () => chromium.evaluate<void>(said);
    await send();
    return { send, close: async () => chromium[Symbol.asyncDispose]() };
  }

  async function listener(port: number): Promise<Listener> {
    const chromium = await signedIn(port);
    await chromium.evaluate(`new Promise((resolve) => {
      const source = new EventSource('${CHANNEL}/events');
      source.addEventListener('$sync', () => resolve());
      source.addEventListener('message', () => heard++);
    })`);
    return { heard: () => chromium.evaluate<number>('heard'), close: async () => chromium[Symbol.asyncDispose]() };
  }

  const port = Number(new URL(edge.tlsUrl).port);
  return [
    { name, port, sender: (to) => sender(to, inHead), listener, ...(publish && { publish }) },
    { name: `${name}, \`seq\` in the path`, port, sender: (to) => sender(to, inPath) },
  ];
}

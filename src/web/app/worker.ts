/**
 * The service worker: the app itself, where there is no network. What it does not know by path it never touches: no change, no stream, no
 * session ever passes through it, and an answer made up here would end an EventSource for ever.
 */
import { APP_PATHS } from './paths.ts';

interface Waiting extends Event {
  waitUntil(done: Promise<unknown>): void;
}

interface Fetching extends Waiting {
  readonly request: Request;
  respondWith(answer: Promise<Response>): void;
}

interface Installing extends Waiting {
  /** Newer browsers: what matches does not even start the worker, which costs a phone less. */
  addRoutes?(route: { condition: { urlPattern: { pathname: string } }; source: 'network' }): Promise<void>;
}

interface Worker {
  readonly location: Location;
  readonly clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener(type: 'install', listener: (event: Installing) => void): void;
  addEventListener(type: 'activate', listener: (event: Waiting) => void): void;
  addEventListener(type: 'fetch', listener: (event: Fetching) => void): void;
}

const worker = globalThis as unknown as Worker;
const CACHE = 'app';
/** A network that is there but brings nothing is as bad as none. */
const PATIENCE_MS = 2_500;

async function keepAll(): Promise<void> {
  const cache = await caches.open(CACHE);
  await cache.addAll(APP_PATHS.map((path) => new Request(path, { cache: 'no-cache' })));
}

/** From the network, and kept for later. @throws where that has it not. */
async function fetched(request: Request, path: string): Promise<Response> {
  const response = await fetch(request);
  if (!response.ok) throw new Error(`${path} is ${response.status}`);
  const cache = await caches.open(CACHE);
  await cache.put(path, response.clone());
  return response;
}

async function answer(request: Request, path: string, network: Promise<Response>): Promise<Response> {
  const patience = new Promise<undefined>((resolve) => setTimeout(resolve, PATIENCE_MS));
  const soon = await Promise.race([network, patience]).catch(() => undefined);
  const kept = soon ?? (await caches.match(path));
  return kept ?? network.catch(() => fetch(request));
}

worker.addEventListener('install', (event) => {
  const routed = event.addRoutes?.({ condition: { urlPattern: { pathname: '/c/*' } }, source: 'network' });
  routed?.catch(() => undefined);
  event.waitUntil(keepAll().then(() => worker.skipWaiting()));
});

worker.addEventListener('activate', (event) => event.waitUntil(worker.clients.claim()));

worker.addEventListener('fetch', (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== 'GET' || origin !== worker.location.origin || !APP_PATHS.includes(pathname)) return;
  const network = fetched(request, pathname);
  event.waitUntil(network.catch(() => undefined));
  event.respondWith(answer(request, pathname, network));
});

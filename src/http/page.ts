/**
 * `/`: the app that shows what this is, and the few files that it needs to be installed and to work without a network.
 *
 * The page is one file, script and style inside, and no file's address tells a version: of a fleet that is being replaced nobody knows who
 * answers, and whoever it is has all of them (ADR 24).
 */
import type { FastifyInstance } from 'fastify';
import { type KeptFile, keep, readKept, sendKept } from './kept-file.ts';
import { policyFor } from './page-policy.ts';
import { NOSNIFF } from './problem.ts';

const COMMON = { vary: 'Accept-Encoding', 'referrer-policy': 'no-referrer', ...NOSNIFF };
/** Asked for again at each visit, mostly for a 304. */
const FRESH = { ...COMMON, 'cache-control': 'no-cache' };
const ICON = { ...COMMON, 'cache-control': 'public, max-age=86400' };

/** Where nothing was built there is still somebody who looks. */
const UNBUILT = keep(
  Buffer.from(`<!doctype html>
<html lang="en"><title>smallchange</title>
<p>This server runs from its sources: <code>npm run build</code> makes the page that is here.
`),
);

interface Served {
  readonly path: string;
  readonly file: string;
  readonly type: string;
  readonly headersOf: (file: KeptFile) => Readonly<Record<string, string>>;
}

const icon = (name: string, type: string): Served => ({
  path: `/${name}`,
  file: name,
  type,
  headersOf: () => ICON,
});

const SERVED: readonly Served[] = [
  {
    path: '/',
    file: 'app.html',
    type: 'text/html; charset=utf-8',
    headersOf: ({ plain }) => ({ ...FRESH, 'content-security-policy': policyFor(plain.body.toString('utf8')) }),
  },
  {
    path: '/app-worker.js',
    file: 'worker.js',
    type: 'text/javascript; charset=utf-8',
    headersOf: () => ({ ...FRESH, 'content-security-policy': "default-src 'none'; connect-src 'self'" }),
  },
  {
    path: '/app.webmanifest',
    file: 'app.webmanifest',
    type: 'application/manifest+json; charset=utf-8',
    headersOf: () => FRESH,
  },
  icon('icon.svg', 'image/svg+xml'),
  icon('icon-192.png', 'image/png'),
  icon('icon-512.png', 'image/png'),
  icon('icon-maskable-512.png', 'image/png'),
];

/** @param folder What `npm run build` has made of `src/web/app`. */
export function pageRoutes(app: FastifyInstance, folder = new URL('../web/app/', import.meta.url)): void {
  for (const { path, file, type, headersOf } of SERVED) {
    const kept = readKept(new URL(file, folder)) ?? (path === '/' ? UNBUILT : undefined);
    if (kept === undefined) continue;
    const answer = { type, headers: headersOf(kept) };
    app.get(path, { config: { right: 'open' }, schema: { hide: true }, exposeHeadRoute: true }, (request, reply) =>
      sendKept(request, reply, kept, answer),
    );
  }
}

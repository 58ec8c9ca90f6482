/**
 * `/`: the page that shows what this is. One file, read once, with a policy that lets it run its own script and style and
 * nothing else, so that nothing a channel carries could ever become code.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { FastifyInstance } from 'fastify';
import { NOSNIFF } from './problem.ts';

export function pageRoutes(app: FastifyInstance): void {
  const page = readFileSync(new URL('../web/index.html', import.meta.url));
  const policy = policyFor(page.toString('utf8'));
  app.get('/', { config: { right: 'open' }, schema: { hide: true }, exposeHeadRoute: true }, (_request, reply) =>
    reply
      .type('text/html; charset=utf-8')
      .header('cache-control', 'no-cache')
      .header('content-security-policy', policy)
      .header('referrer-policy', 'no-referrer')
      .headers(NOSNIFF)
      .send(page),
  );
}

/** The page's inline script and style are allowed by their hashes, which follow the file by themselves. */
function policyFor(html: string): string {
  const hashesOf = (tag: string) =>
    [...html.matchAll(new RegExp(`<${tag}>(.*?)</${tag}>`, 'gs'))]
      .map(([, source]) => `'sha256-${createHash('sha256').update(source!).digest('base64')}'`)
      .join(' ');
  return [
    "default-src 'none'",
    `script-src ${hashesOf('script')}`,
    `style-src ${hashesOf('style')}`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

/** What the page at `/` may do: run its own script and style, and nothing else. */
import { createHash } from 'node:crypto';

/** Inline script and style are allowed by their hashes, which follow the file by themselves. */
export function policyFor(html: string): string {
  const hashesOf = (tag: string) =>
    [...html.matchAll(new RegExp(`<${tag}>(.*?)</${tag}>`, 'gs'))]
      .map(([, source]) => `'sha256-${createHash('sha256').update(source!).digest('base64')}'`)
      .join(' ') || "'none'";
  return [
    "default-src 'none'",
    `script-src ${hashesOf('script')}`,
    `style-src ${hashesOf('style')}`,
    "connect-src 'self'",
    "img-src 'self'",
    "manifest-src 'self'",
    "worker-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    // Nothing a channel carries becomes markup or script, whatever mistake is made; but for the address of the worker.
    "require-trusted-types-for 'script'",
    'trusted-types worker',
  ].join('; ');
}

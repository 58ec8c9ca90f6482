/**
 * Ours, behind HAProxy as proxy/ has it, which ends the TLS: anonymous, with a bearer, with the cookie of a session, over both versions of
 * HTTP; behind nginx what the aims are about; and the same in a browser.
 */
import { startEdge } from '../../../proxy/process.ts';
import { bearerOf, pageOf, withTokens } from '../bearers.ts';
import { startSmallchange } from '../measured.ts';
import { chromiumWays } from './chromium.ts';
import { overHttp1 } from './http1.ts';
import { overHttp2 } from './http2.ts';
import { IN_CHROMIUM, OURS } from './tables.ts';
import { type At, inPath, talk } from './talk.ts';
import type { Way, Ways } from './way.ts';

/** As an identity provider makes them, with little in it. */
const TOKEN_BYTES = 300;
/** By default any localhost origin is of CORS, the page's own too, whose answers would have its fields. */
const ELSEWHERE = 'https://app.example';

export async function ourWays(): Promise<Ways> {
  const anonymous = { publish: ['*'], subscribe: ['*'], names: ['alice'] };
  const env = { ...withTokens, AUTH_ANONYMOUS: JSON.stringify(anonymous), CORS_ORIGINS: ELSEWHERE };
  const running = await startSmallchange({ env });
  const address = `127.0.0.1:${running.port}`;
  const servers = { buckets: [address], gateways: [address], corsOrigins: ELSEWHERE };
  const [haproxy, nginx] = [await startEdge('haproxy', servers), await startEdge('nginx', servers)];
  const authorization = bearerOf('alice', TOKEN_BYTES);
  const cookie = await pageOf(running.port, authorization);

  const h1 = { edge: haproxy, server: `http://${address}`, over: overHttp1 };
  const h2 = { ...h1, over: overHttp2 };

  const waysOver = (version: string, at: Omit<At, 'fields'>): Way[] => [
    talk(`${version}, anonymous`, { ...at, fields: {} }),
    talk(`${version}, a bearer`, { ...at, fields: { authorization } }),
    talk(`${version}, the session cookie`, { ...at, fields: cookie }),
    changesOf(talk(`${version}, the same with \`seq\` in the path`, { ...at, fields: cookie }, inPath)),
  ];
  const behindNginx = talk(`${OURS}, behind nginx`, { ...h2, edge: nginx, fields: cookie });
  return {
    ways: [
      ...waysOver('HTTP/1.1', h1),
      ...waysOver('HTTP/2', h2),
      behindNginx,
      ...chromiumWays(IN_CHROMIUM, { edge: haproxy, authorization }, behindNginx.publish),
    ],
    async [Symbol.asyncDispose]() {
      for (const each of [haproxy, nginx, running]) await each.stop();
    },
  };
}

/** What it hears, another row has shown. */
function changesOf({ name, port, sender }: Way): Way {
  return { name, port, sender };
}

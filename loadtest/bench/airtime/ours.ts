/**
 * Ours, behind HAProxy as proxy/ has it, which ends the TLS: anonymous, with a bearer, with the cookie of a session, over both versions of
 * HTTP; and behind nginx what the aims are about.
 */
import { startEdge } from '../../../proxy/process.ts';
import { bearerOf, pageOf, withTokens } from '../bearers.ts';
import { startSmallchange } from '../measured.ts';
import { overHttp1 } from './http1.ts';
import { overHttp2 } from './http2.ts';
import { type At, inPath, talk } from './talk.ts';
import type { Way, Ways } from './way.ts';

/** As an identity provider makes them, with little in it. */
const TOKEN_BYTES = 300;

export async function ourWays(): Promise<Ways> {
  const anonymous = { publish: ['*'], subscribe: ['*'], names: ['alice'] };
  const running = await startSmallchange({ env: { ...withTokens, AUTH_ANONYMOUS: JSON.stringify(anonymous) } });
  const address = `127.0.0.1:${running.port}`;
  const servers = { buckets: [address], gateways: [address] };
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
  return {
    ways: [
      ...waysOver('HTTP/1.1', h1),
      ...waysOver('HTTP/2', h2),
      talk('HTTP/2, the session cookie, behind nginx', { ...h2, edge: nginx, fields: cookie }),
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

/**
 * Clients that trust a test's own certificate and speak HTTP/2: ours, undici, whatever uses the global `fetch`, and curl.
 *
 * For the whole process, because a client that a test only names (an EventSource, say) takes no options of ours. A
 * connection that was negotiated to anything but h2 is an error: no test can pass over HTTP/1.1 without being noticed.
 */
import { readFileSync } from 'node:fs';
import { Agent, buildConnector, getGlobalDispatcher, setGlobalDispatcher } from 'undici';
import { createH2Client, type H2Client } from './h2.ts';

export interface Trust extends AsyncDisposable {
  readonly ca: Buffer;
  readonly h2: H2Client;
}

let current: Trust | undefined;

/** What is trusted now. @throws when nothing is: a test that uses https has to say whom it trusts. */
export function trusted(): Trust {
  if (!current) throw new Error('no certificate is trusted: call trust() first');
  return current;
}

/** From now on, until it is disposed of, which ends all connections. */
export function trust(certificate: string): Trust {
  const ca = readFileSync(certificate);
  const h2 = createH2Client(ca);
  const agent = new Agent({ allowH2: true, connect: h2Connector(ca) });
  const before = { dispatcher: getGlobalDispatcher(), bundle: process.env.CURL_CA_BUNDLE };
  setGlobalDispatcher(agent);
  process.env.CURL_CA_BUNDLE = certificate;
  current = {
    ca,
    h2,
    async [Symbol.asyncDispose]() {
      setGlobalDispatcher(before.dispatcher);
      if (before.bundle === undefined) delete process.env.CURL_CA_BUNDLE;
      else process.env.CURL_CA_BUNDLE = before.bundle;
      current = undefined;
      h2.close();
      await agent.destroy();
    },
  };
  return current;
}

function h2Connector(ca: Buffer): buildConnector.connector {
  const connect = buildConnector({ ca, allowH2: true });
  return (options, callback) =>
    connect(options, (...[error, socket]) => {
      if (error) return callback(error, null);
      if ('alpnProtocol' in socket && socket.alpnProtocol === 'h2') return callback(null, socket);
      socket.destroy();
      callback(new Error(`${options.hostname}:${options.port} does not speak h2`), null);
    });
}

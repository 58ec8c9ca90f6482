/** A server that asks for tokens, with something in its channels, and the account of what was let in. */
import assert from 'node:assert/strict';
import { type LocalApp, startLocalApp } from '../../support/app.ts';
import { ask } from '../../support/ask.ts';
import { AUDIENCE, bearer, ISSUER, SECRET } from '../../support/tokens.ts';
import { waitFor } from '../../support/wait.ts';
import { all, auth, KEPT, SAID } from './table.ts';

const env = { AUTH: 'jwt', JWT_SECRET: SECRET, JWT_ISSUER: ISSUER, JWT_AUDIENCE: AUDIENCE, REDUCERS: '*=latest' };

export interface House extends AsyncDisposable {
  readonly server: LocalApp;
  /** Changes that were answered 204, beside those that are there from the beginning. */
  appended: number;
  /** What is answered at a port, the server's own unless told. @param until What the answer ends with, where its head does not say it. */
  asked(parts: readonly string[], port?: number, until?: RegExp): Promise<string>;
  /** That all that was let in is there, nothing else, and no token in the log. */
  checkAll(): Promise<void>;
}

export async function openHouse(): Promise<House> {
  const server = await startLocalApp(env);
  const headers = { authorization: bearer(all('*')) };
  const cursors = new Map<string, string>();

  async function historyOf(channel: string) {
    const page = await fetch(`${server.url}/c/${channel}/history`, { headers });
    return (await page.json()) as { cursor: string; events: unknown[] };
  }

  for (const channel of KEPT) {
    const head = `POST /c/${channel} HTTP/1.1\r\nHost: 127.0.0.1\r\n${auth(all('*'))}Content-Length: ${SAID.length}`;
    assert.match(await ask(server.port, [`${head}\r\n\r\n${SAID}`]), /^HTTP\/1\.1 204 /);
    const cursor = await waitFor(
      async () => {
        const { cursor, events } = await historyOf(channel);
        return events.length > 0 ? cursor : '';
      },
      { what: `the first event of ${channel}` },
    );
    cursors.set(channel, cursor);
  }

  const house: House = {
    server,
    appended: 0,
    asked: (parts, port = server.port, until) =>
      ask(
        port,
        parts.map((part) => part.replaceAll(/@([\w.]+)/g, (_, channel: string) => cursors.get(channel) ?? 'AAAA.1')),
        { until },
      ),
    async checkAll() {
      const wanted = house.appended + KEPT.length;
      let merged = 0;
      await waitFor(
        async () => {
          const pages = await Promise.all([...KEPT, 'zz'].map(historyOf));
          merged = pages.reduce((sum, { events }) => sum + events.length, 0);
          return merged >= wanted;
        },
        { what: () => `${wanted} changes, of which ${merged} are there` },
      );
      assert.equal(merged, wanted, 'what was granted is there, and nothing else');
      assert.doesNotMatch(JSON.stringify(server.logged), new RegExp(`eyJ|${SAID}`), 'no token in the log');
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
  return house;
}

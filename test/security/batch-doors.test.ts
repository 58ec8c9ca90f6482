/** Doors of batches and of joined cursors (P33, P40, P41): each as that of one change, and of one cursor, for each of its channels. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type LocalApp, startLocalApp } from '../support/app.ts';
import { request } from '../support/http.ts';
import { AUDIENCE, bearer, ISSUER, SECRET } from '../support/tokens.ts';
import { waitFor } from '../support/wait.ts';

const env = { AUTH: 'jwt', JWT_SECRET: SECRET, JWT_ISSUER: ISSUER, JWT_AUDIENCE: AUDIENCE };
const ALL = { publish: ['*'], subscribe: ['*'] };

describe('a door', () => {
  let server: LocalApp;
  let appended = 0;
  let seq = 0;
  const cursors = new Map<string, string>();
  before(async () => {
    server = await startLocalApp(env);
    for (const channel of ['a.1', 'b.1']) {
      await post(channel, ALL, 'alice.n1');
      const page = await waitFor(async () => (await eventsOf(channel)) || undefined, { what: 'the first event' });
      cursors.set(channel, page.cursor);
    }
  });
  after(() => server?.[Symbol.asyncDispose]());

  const headersOf = (grant: unknown): Record<string, string> =>
    grant === null ? {} : { authorization: bearer(grant) };

  async function post(channel: string, grant: unknown, from: string): Promise<number> {
    const path = `/c/${channel}?from=${from}&seq=${++seq}&batch=1`;
    const { status } = await request(server.url, path, { method: 'POST', headers: headersOf(grant), body: '"secret"' });
    return status;
  }

  async function eventsOf(channel: string) {
    const answer = await request(server.url, `/c/${channel}/history`, { headers: headersOf(ALL) });
    const page = answer.json<{ cursor: string; events: unknown[] }>();
    return page.events.length > 0 && page;
  }

  for (const [what, grant, from, status] of [
    ['no credential', null, 'alice.n1', 401],
    ['nothing granted', {}, 'alice.n1', 403],
    ['only the other right', { subscribe: ['a.1'] }, 'alice.n1', 403],
    ['another channel', { publish: ['a.10', 'b.*'] }, 'alice.n1', 403],
    ['another name', { publish: ['a.1'] }, 'bob.n1', 403],
    ['the channel', { publish: ['a.1'] }, 'alice.n1', 204],
    ['another of its names', { publish: ['a.*'], names: ['sensor-1'] }, 'sensor-1.n1', 204],
  ] as const) {
    it(`of a batch is ${status} for who brings a token for ${what}`, async () => {
      assert.equal(await post('a.1', grant, from), status);
      if (status === 204) appended++;
      const isThere = async () => {
        const page = await eventsOf('a.1');
        return page && page.events.length >= 1 + appended ? page.events.length : undefined;
      };
      assert.equal(await waitFor(isThere, { what: 'what was granted' }), 1 + appended, 'and nothing else');
    });
  }

  const past = { subscribe: ['a.1', 'b.1'], history: ['b.1'] };
  for (const [path, status, tells] of [
    ['/c/b.1,a.1/events?since=@b.1~earliest', 403, /forbidden/],
    ['/c/b.1,a.1/events?since=@b.1~10m', 403, /forbidden/],
    ['/c/b.1,a.1/events?format=json&since=@b.1', 403, /forbidden/],
    ['/c/b.1,a.1/events?format=json&since=@b.1~now', 403, /forbidden/],
    ['/c/b.1,a.1/events?since=@b.1~@a.1', 200, /"status":"reset","lost":null,"reason":"forbidden"/],
    ['/c/b.1/events?since=@b.1~@a.1', 200, /"status":"resumed"/],
    ['/c/b.1/events?since=@a.1~@b.1~earliest', 200, /"status":"resumed"/],
  ] as const) {
    it(`of joined cursors, with a list for history: ${path}`, async () => {
      const url = server.url + path.replaceAll(/@([ab]\.1)/g, (_, channel: string) => cursors.get(channel)!);
      const ending = new AbortController();
      const answer = await fetch(url, { headers: headersOf(past), signal: ending.signal });
      assert.equal(answer.status, status);
      const { value } = await answer.body!.getReader().read();
      ending.abort();
      assert.match(Buffer.from(value!).toString(), tells);
      assert.doesNotMatch(Buffer.from(value!).toString(), /secret/);
    });
  }
});

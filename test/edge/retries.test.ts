/**
 * The retry rule of both edges (P5, P7): a change whose answer was lost is sent again if it carries seq, and its client never
 * knows; without seq nobody repeats it, and the client is told that the outcome is unknown.
 */
import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { newChannel, type Page } from '../contract/protocol/kit.ts';
import { type Edge, type EdgeProcess, edges, startEdge } from '../support/edge.ts';
import { request } from '../support/http.ts';
import { type ServerProcess, startServer } from '../support/process.ts';
import { waitFor } from '../support/wait.ts';
import { type Swallower, startSwallower } from './swallower.ts';

const repeatable: readonly (readonly [what: string, method: string, query: string, headers: Record<string, string>])[] =
  [
    ['seq in the query', 'POST', '?from=a.1&seq=7', {}],
    ['seq first in the query', 'POST', '?seq=7&from=a.1', {}],
    ['seq as a header', 'POST', '', { 'Change-From': 'a.1', 'Change-Seq': '7' }],
    ['PUT', 'PUT', '?from=a.1&seq=7', {}],
  ];

/** Each of them is no seq to a server, which takes the change as one without. */
const once: readonly (readonly [what: string, query: string])[] = [
  ['nothing', ''],
  ['from alone', '?from=a.1'],
  ['a parameter that ends with seq', '?subseq=7'],
  ['seq behind a semicolon', '?x=1;seq=7'],
  ['seq in the path of another parameter', '?x=/seq=7'],
];

/** For both edges: each has nothing left open when the other begins. */
let server: ServerProcess;
before(async () => {
  server = await startServer();
});
after(() => server?.stop());

function retryTests(edge: Edge): void {
  let swallowers: Swallower[];
  let proxy: EdgeProcess;

  before(async () => {
    swallowers = [await startSwallower(server.url), await startSwallower(server.url)];
    proxy = await startEdge(edge, { buckets: swallowers, gateways: [server] });
  });
  after(async () => {
    await proxy?.stop();
    for (const swallower of swallowers ?? []) await swallower[Symbol.asyncDispose]();
  });

  const passedOn = () => swallowers[0]!.changes + swallowers[1]!.changes;
  /** The next answer is lost, whichever bucket gives it; another one's is lost too when `both`. */
  const swallow = (count: number) => {
    for (const swallower of swallowers) swallower.swallow(count);
  };

  /** What is merged, once a change that was sent after everything else is. */
  async function merged(channel: string): Promise<string[]> {
    assert.equal((await request(server.url, `/c/${channel}`, { method: 'POST', body: 'end' })).status, 204);
    return waitFor(
      async () => {
        const page = (await request(server.url, `/c/${channel}/history`)).json<Page>();
        const texts = page.events.map(({ data }) => data!);
        return texts.at(-1) === 'end' ? texts : undefined;
      },
      { what: 'the last change to be merged' },
    );
  }

  for (const [what, method, query, headers] of repeatable) {
    it(`P7: with ${what} it is sent again, merged once, and answered 204`, async () => {
      const channel = newChannel();
      const before = passedOn();
      swallowers[0]!.swallow(1);
      swallowers[1]!.swallow(0);
      // One of the two loses an answer: whichever is asked first, it is met soon.
      let sent = 0;
      while (passedOn() - before === sent && sent < 20) {
        const answer = await request(proxy.plainUrl, `/c/${channel}${query}`, { method, headers, body: 'x' });
        assert.equal(answer.status, 204, answer.body.toString());
        sent++;
      }
      assert.equal(passedOn() - before, sent + 1, 'one of them was sent again');
      assert.deepEqual(await merged(channel), ['x', 'end']);
      swallow(0);
    });
  }

  for (const [what, query] of once) {
    it(`P7: with ${what} it is not, and the client gets no 2xx`, async () => {
      const channel = newChannel();
      const before = passedOn();
      swallow(1);
      const answer = await request(proxy.plainUrl, `/c/${channel}${query}`, { method: 'POST', body: 'x' });
      assert.ok([502, 503, 504].includes(answer.status), `${answer.status}`);
      assert.equal(answer.headers['content-type'], 'application/problem+json');
      assert.match(answer.headers['retry-after']!, /^[1-3]$/);
      assert.equal(passedOn(), before + 1);
      swallow(0);
      assert.deepEqual(await merged(channel), ['x', 'end']);
    });
  }

  it('P7: the same on a connection that has served others, where a client may see a reset', async () => {
    const channel = newChannel();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const post = () => request(proxy.plainUrl, `/c/${channel}`, { method: 'POST', body: 'x', agent });
    assert.equal((await post()).status, 204);
    const before = passedOn();
    swallow(1);
    const status = await post().then(
      (answer) => answer.status,
      () => 0,
    );
    agent.destroy();
    assert.ok([0, 502, 503, 504].includes(status), `${status}`);
    assert.equal(passedOn(), before + 1);
    swallow(0);
    assert.deepEqual(await merged(channel), ['x', 'x', 'end']);
  });

  it('P5: with seq and all answers lost, the client is told that nobody knows', async () => {
    const channel = newChannel();
    swallow(100);
    const path = `/c/${channel}?from=a.1&seq=1`;
    const answer = await request(proxy.plainUrl, path, { method: 'POST', body: 'x' });
    assert.ok([502, 503, 504].includes(answer.status));
    assert.equal(answer.json().code, 'engine_unavailable');
    swallow(0);
    await waitFor(async () => (await request(proxy.plainUrl, path, { method: 'POST', body: 'x' })).status === 204, {
      what: 'the edge to go on',
      everyMs: 100,
      timeoutMs: 15_000,
    });
    assert.deepEqual(await merged(channel), ['x', 'end']);
  });
}

for (const edge of edges) describe(`retries by ${edge}`, () => retryTests(edge));

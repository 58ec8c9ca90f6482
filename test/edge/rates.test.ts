/** The rate of an address at both edges: above it the address still gets its rate, and it is the address of the client. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { assertProblem } from '../contract/protocol/kit.ts';
import { type Edge, edges, startEdge } from '../support/edge.ts';
import { type Answer, request } from '../support/http.ts';
import { openSse } from '../support/sse.ts';
import { crowdAtLimit } from './trials/crowd-at-limit.ts';
import { startWitness, type Witness } from './witness.ts';

const RATE_PER_S = 40;
/** Above the rate even on a machine that takes five times as long for everything. */
const ASKED_PER_TICK = 20;
const TICK_MS = 50;
const SECONDS = 4;
/** Above any burst: of so many at once, at a rate of one a second, most are refused. */
const CROWD = 12;

function rateTests(edge: Edge): void {
  let witness: Witness;
  before(async () => {
    witness = await startWitness();
  });
  beforeEach(() => witness.seen.splice(0));
  after(() => witness?.stop());
  const servers = () => ({ buckets: [witness], gateways: [witness] });
  const post = (url: string, headers = {}) => request(url, '/c/room', { method: 'POST', headers, body: 'x' });
  const refused = (answers: readonly Answer[]) => answers.filter(({ status }) => status === 429);

  it('an address that asks for far more than its rate gets its rate, all the time', async (t) => {
    await using proxy = await startEdge(edge, { ...servers(), requestsPerS: RATE_PER_S });
    const asked: Promise<Answer>[] = [];
    const startedMs = performance.now();
    while (performance.now() - startedMs < SECONDS * 1_000) {
      for (let i = 0; i < ASKED_PER_TICK; i++) asked.push(post(proxy.plainUrl));
      await sleep(TICK_MS);
    }
    const answers = await Promise.all(asked);
    const seconds = (performance.now() - startedMs) / 1_000;
    const letIn = answers.filter(({ status }) => status === 204).length;
    t.diagnostic(`${letIn} of ${answers.length} in ${seconds.toFixed(1)} s`);
    assert.equal(letIn + refused(answers).length, answers.length);
    assert.ok(letIn >= 0.9 * RATE_PER_S * SECONDS, `${letIn} were let in`);
    // A burst of one second, and another for one that has begun.
    assert.ok(letIn <= 1.1 * RATE_PER_S * (seconds + 2), `${letIn} were let in`);
    for (const answer of refused(answers)) {
      assertProblem(answer, 429, 'too_many_requests');
      assert.match(answer.headers['retry-after']!, /^[1-3]$/);
    }
  });

  it('clients of one address that together ask for all it may: each gets its rate, and nobody is cut', async (t) => {
    const { figures, failures } = await crowdAtLimit.run({ edge, scale: 0.1 });
    t.diagnostic(JSON.stringify(figures));
    assert.deepEqual(failures, []);
  });

  it('an EventSource that comes too often is told politely', async () => {
    await using proxy = await startEdge(edge, { ...servers(), requestsPerS: 1 });
    const init = { headers: { Accept: 'text/event-stream' } };
    const streams = await Promise.all(
      Array.from({ length: CROWD }, () => openSse(`${proxy.plainUrl}/c/room/events`, init)),
    );
    const polite = streams.filter(({ status, headers }) => status === 200 && headers['x-overloaded'] === '1');
    assert.ok(polite.length > 0, `${streams.map(({ status }) => status)}`);
    for (const stream of polite) assert.equal((await stream.next()).event, '$overloaded');
    for (const stream of streams) stream.close();
  });

  it('behind a balancer it is the address that this says, of IPv6 the /64', async () => {
    await using proxy = await startEdge(edge, {
      ...servers(),
      requestsPerS: 1,
      trustedProxies: '127.0.0.1,10.0.0.0/8',
    });
    const from = (address: string) => post(proxy.plainUrl, { 'X-Forwarded-For': `6.6.6.6, ${address}` });
    const crowd = (addressOf: (i: number) => string) =>
      Promise.all(Array.from({ length: CROWD }, (_, i) => from(addressOf(i))));
    assert.deepEqual(refused(await crowd((i) => `192.0.2.${i}`)), [], 'an address each');
    assert.deepEqual(refused(await crowd((i) => `2001:db8:1:${i}::1`)), [], 'a /64 each');
    assert.deepEqual(refused(await crowd((i) => `2001:db8:${i + 101}::1`)), [], 'a /64 each, written short');
    assert.deepEqual(refused(await crowd((i) => `2a00::${i + 1}:2:3:4:5`)), [], 'a /64 each, written shorter');
    for (const [what, addressOf] of [
      ['one address', () => '192.0.2.99'],
      ['one /64', (i: number) => `2001:db8:2:3:${i}::1`],
      ['one /64, written short', (i: number) => `2001:db8:77::${i}`],
      ['one /64, written shorter', (i: number) => `2a01::${i}`],
      ['one address behind two balancers', () => '192.0.2.98, 10.1.2.3'],
    ] as const) {
      assert.ok(refused(await crowd(addressOf)).length > 0, what);
    }
    assert.ok(witness.seen.some(({ headers }) => headers['x-forwarded-for'] === '192.0.2.98'));
    assert.ok(!witness.seen.some(({ headers }) => headers['x-forwarded-for']?.includes('6.6.6.6')));
  });

  it('by the PROXY protocol it is the address that this says', async () => {
    await using proxy = await startEdge(edge, {
      ...servers(),
      ...{ requestsPerS: 1, connectionsPerIp: 2, proxyProtocol: 'on' },
    });
    const statusFrom = (address: string, url = proxy.plainUrl) =>
      new Promise<string>((resolve) => {
        const bare = connect(Number(new URL(url).port), '127.0.0.1');
        // The balancer's word comes first, also in front of TLS.
        bare.write(`PROXY TCP4 ${address} 127.0.0.1 4000 80\r\n`);
        const socket = url === proxy.tlsUrl ? connectTls({ socket: bare, rejectUnauthorized: false }) : bare;
        let said = '';
        socket.on('data', (chunk) => {
          said += chunk;
        });
        for (const each of [bare, socket]) each.on('error', () => {});
        socket.once('close', () => resolve(said.slice(9, 12)));
        const head = 'POST /c/room HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 6.6.6.6\r\n';
        socket.write(`${head}Connection: close\r\nContent-Length: 1\r\n\r\nx`);
      });
    const each = await Promise.all(
      Array.from({ length: CROWD }, (_, i) => statusFrom(`192.0.2.${i}`, i % 2 === 0 ? proxy.plainUrl : proxy.tlsUrl)),
    );
    assert.deepEqual([...new Set(each)], ['204']);
    assert.equal(witness.seen.length, CROWD);
    for (const { headers } of witness.seen) assert.match(headers['x-forwarded-for'] as string, /^192\.0\.2\.\d+$/);
    const one = await Promise.all(Array.from({ length: CROWD }, () => statusFrom('192.0.2.99')));
    assert.deepEqual([...new Set(one)].sort(), ['204', '429']);
  });
}

for (const edge of edges) describe(`the rate of an address at ${edge}`, () => rateTests(edge));

/** No node is special: what one bucket takes is on the streams of every gateway, though a client's requests are spread (I5). */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { isEvent, newChannel } from '../contract/protocol/kit.ts';
import { type Fleet, startFleet } from '../e2e/fleet.ts';
import { type Edge, type EdgeProcess, edges, startEdge } from '../support/edge.ts';
import { request } from '../support/http.ts';
import { openSse, type SseReader } from '../support/sse.ts';
import { type Trust, trust } from '../support/trust.ts';

const STREAMS = 10;
const CHANGES = 20;

describe('any bucket and any gateway over TLS and HTTP/2', () => {
  let fleet: Fleet;
  before(async () => {
    fleet = await startFleet({ roles: ['bucket', 'bucket', 'merger', 'gateway', 'gateway'] });
  });
  after(() => fleet?.[Symbol.asyncDispose]());
  for (const edge of edges) describe(edge, () => anywhereTests(edge, () => fleet));
});

async function figure({ url }: { readonly url: string }, name: string): Promise<number> {
  const text = String((await request(url, '/metrics')).body);
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
}

function anywhereTests(edge: Edge, fleet: () => Fleet): void {
  let proxy: EdgeProcess;
  let trusting: Trust;
  before(async () => {
    proxy = await startEdge(edge, { buckets: fleet().of('bucket'), gateways: fleet().of('gateway') });
    trusting = trust(proxy.certificate);
  });
  after(async () => {
    await trusting?.[Symbol.asyncDispose]();
    await proxy?.stop();
  });

  it('changes that two buckets took arrive, all and in one order, on streams that two gateways hold', async () => {
    const channel = newChannel();
    const taken = () =>
      Promise.all(
        fleet()
          .of('bucket')
          .map((bucket) => figure(bucket, 'smallchange_changes_accepted_total')),
      );
    const before = await taken();
    const readers: SseReader[] = [];
    for (let i = 0; i < STREAMS; i++) {
      readers.push(await openSse(`${proxy.tlsUrl}/c/${channel}/events`, { headers: { Accept: 'text/event-stream' } }));
      assert.equal((await readers.at(-1)!.next()).event, '$sync');
    }
    const held = await Promise.all(
      fleet()
        .of('gateway')
        .map((gateway) => figure(gateway, 'smallchange_streams')),
    );
    assert.equal(held[0]! + held[1]!, STREAMS);
    assert.ok(Math.min(...held) > 0, `streams of each gateway: ${held}`);
    for (let i = 1; i <= CHANGES; i++) {
      const sent = await request(proxy.tlsUrl, `/c/${channel}?from=a.1&seq=${i}`, { method: 'POST', body: String(i) });
      assert.equal(sent.status, 204);
    }
    const accepted = (await taken()).map((count, i) => count - before[i]!);
    assert.equal(accepted[0]! + accepted[1]!, CHANGES);
    assert.ok(Math.min(...accepted) > 0, `changes of each bucket: ${accepted}`);
    const wanted = Array.from({ length: CHANGES }, (_, i) => String(i + 1));
    for (const reader of readers) {
      const seen: (string | undefined)[] = [];
      while (seen.length < CHANGES) seen.push((await reader.next(isEvent)).data);
      assert.deepEqual(seen, wanted);
    }
    for (const reader of readers) await reader[Symbol.asyncDispose]();
  });
}

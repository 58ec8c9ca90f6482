/** The client in Python (`examples/python`) with a real server, on a network that fails: once at the callback, and in order. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { newChannel } from '../contract/protocol/kit.ts';
import { startProxy } from '../faults/proxy.ts';
import { startServer } from '../support/process.ts';
import { createRandom } from '../support/random.ts';
import { waitFor } from '../support/wait.ts';
import type { Told } from './cases/runner/stage.ts';
import { startSubject } from './cases/runner/subject.ts';

const adapter = fileURLToPath(new URL('../../examples/python/adapter.py', import.meta.url));

it('the client in Python hears what it sent, once and in order, while answers are lost and streams cut', async () => {
  const seed = Date.now() % 1_000_000;
  await using server = await startServer({ env: { REDUCERS: '*=log' } });
  await using proxy = await startProxy(() => [{ host: '127.0.0.1', port: server.port }], createRandom(seed));
  await using subject = await startSubject(['python3', adapter]);
  const told: Told[] = [];
  const say = subject.connection((line) => told.push(line));
  const of = (kind: string) => told.filter((each) => each.told === kind);
  const channel = newChannel();
  const text = (n: number) => (n === 7 ? 'sedm\nřádků\n' : `change ${n}`);
  const count = 30;
  say({ do: 'connect', url: `http://127.0.0.1:${proxy.port}`, name: 'alice' });
  say({ do: 'subscribe', channels: [channel], since: 'earliest' });
  proxy.set({ swallow: 0.2, cut: 0.05 });
  const cutting = setInterval(() => proxy.cutAll(0.3), 300);
  try {
    for (let n = 1; n <= count; n++) say({ do: 'publish', channel, data: text(n), n });
    const what = () => `${of('published').length} of ${count}, seed ${seed}`;
    await waitFor(() => of('published').length === count, { what, timeoutMs: 90_000 });
  } finally {
    clearInterval(cutting);
    proxy.set();
  }
  const what = () => `${of('event').length} of ${count} events, seed ${seed}`;
  await waitFor(() => of('event').length >= count, { what, timeoutMs: 60_000 });
  const wanted = Array.from({ length: count }, (_, i) => text(i + 1));
  assert.deepEqual(
    of('event').map(({ data }) => data),
    wanted,
    `seed ${seed}`,
  );
  assert.deepEqual([of('reset'), of('refused')], [[], []]);
  say({ do: 'close' });
});

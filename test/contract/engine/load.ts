/** Contract of `load`: what a merger has to know before it folds. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Channel } from '../../../src/domain/channel.ts';
import { bytesOf, type Open, same } from './kit.ts';

export function loadTests(open: Open): void {
  const wish = (channel: Channel, froms: readonly string[] = [], withState = true) => ({ channel, froms, withState });
  const missing = { head: null, reducer: null, state: new Map() };

  it('answers null for a channel that does not exist, and seq 0 for publishers nobody remembers', async () => {
    await using bench = await open();
    const loaded = await bench.engine.load(0, [wish(bench.channel(), ['a.1', 'b.1'])]);
    same(loaded, { rev: 0, channels: [{ ...missing, seqs: [0, 0] }] });
  });

  it('answers head, reducer, state and seqs, in the order of the wishes', async () => {
    await using bench = await open();
    const [a, b, c] = [bench.channel(), bench.channel(), bench.channel()];
    const state = new Map([['field', { offset: 2, bytes: bytesOf('v') }]]);
    await bench.commit(0, [
      { channel: a, events: ['1', '2'], reducer: 'latest', state, seqs: { 'p.1': 5, 'q.1': 2 ** 53 - 1 } },
      { channel: b, events: ['3'], seqs: { 'p.1': 8 } },
    ]);
    const loaded = await bench.engine.load(0, [
      wish(b, ['q.1', 'p.1']),
      wish(c, ['p.1']),
      wish(a, ['p.1', 'nobody.1', 'q.1']),
    ]);
    same(loaded, {
      rev: 1,
      channels: [
        { head: 1, reducer: 'log', state: new Map(), seqs: [0, 8] },
        { ...missing, seqs: [0] },
        { head: 2, reducer: 'latest', state, seqs: [5, 0, 2 ** 53 - 1] },
      ],
    });
  });

  it('leaves out a state that was not wished for', async () => {
    await using bench = await open();
    const channel = bench.channel();
    const state = new Map([['field', { offset: 1, bytes: bytesOf('v') }]]);
    await bench.commit(0, [{ channel, events: ['1'], reducer: 'latest', state, seqs: { 'p.1': 5 } }]);
    const loaded = await bench.engine.load(0, [wish(channel, ['p.1'], false)]);
    same(loaded.channels, [{ head: 1, reducer: 'latest', state: new Map(), seqs: [5] }]);
  });

  it('needs no lease, takes none, and may be asked for nothing', async () => {
    await using bench = await open();
    same(await bench.engine.load(0, []), { rev: 0, channels: [] });
    await bench.peek(0, 'somebody');
    await bench.engine.load(0, [wish(bench.channel())]);
    await bench.engine.release(0, 'somebody');
    await bench.engine.load(0, [wish(bench.channel())]);
    assert.equal((await bench.peek(0, 'somebody-else')).kind, 'entries');
  });

  it('answers for many publishers and channels at once', async () => {
    await using bench = await open();
    const channels = Array.from({ length: 100 }, () => bench.channel());
    const seqs = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`p${i}.1`, i + 1]));
    await bench.commit(
      0,
      channels.map((channel, i) => ({ channel, events: [`${i}`], seqs })),
    );
    const loaded = await bench.engine.load(
      0,
      channels.map((channel) => wish(channel, Object.keys(seqs))),
    );
    same(
      loaded.channels,
      channels.map(() => ({ head: 1, reducer: 'log', state: new Map(), seqs: Object.values(seqs) })),
    );
  });
}

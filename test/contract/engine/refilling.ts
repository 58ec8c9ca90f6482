/** Contract of what is for who puts back what a store has lost, as far as a store shows that has lost nothing. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { change, event, type Open, plain, TOKEN } from './kit.ts';

export function refillingTests(open: Open): void {
  it('puts nothing back where nothing is lost, whatever it is told', async () => {
    await using bench = await open();
    const [channel, fresh] = [bench.channel(), bench.channel()];
    await bench.put(channel, '1', '2');
    await bench.append(channel, '3');
    const { rev, epoch } = await bench.peek();
    const before = await bench.everything(0, [channel, fresh], ['p.1']);
    const common = { reducer: 'log', state: new Map(), stateBytes: 0, seqs: new Map([['p.1', 9]]), archivedFrom: 1 };
    const channels = [
      { ...common, channel, head: 2, events: [event(3, 'x')] },
      { ...common, channel: fresh, head: null, events: [event(7, 'y')] },
    ];
    const taken = [change(channel, '3')];
    for (const isComplete of [false, true]) {
      const refill = { token: TOKEN, rev, epoch, channels, taken, isComplete };
      assert.deepEqual(await bench.engine.refill(0, refill), { kind: 'refused', reason: 'rev' });
    }
    assert.deepEqual(await bench.everything(0, [channel, fresh], ['p.1']), before);
  });

  it('shows an inbox behind so many entries to the holder of its lease, and to nobody else', async () => {
    await using bench = await open();
    const channel = bench.channel();
    await bench.append(channel, '1', '2', '3', '4', '5');
    const { entries } = await bench.peek();
    const read = (behind: number, maxEntries = 100, maxBytes = 1_000_000, token = TOKEN) =>
      bench.engine.readInbox(0, token, behind, { maxEntries, maxBytes });
    assert.deepEqual(plain(await read(0)), plain(entries));
    assert.deepEqual(plain(await read(2, 2)), plain(entries.slice(2, 4)));
    assert.deepEqual(plain(await read(3, 2, 1)), plain(entries.slice(3, 4)), 'one whatever it weighs');
    assert.deepEqual(await read(5), []);
    assert.equal(await read(0, 100, 1_000, 'stranger'), null);
    assert.equal((await bench.peek()).waiting, 5, 'nothing was removed');
  });
}

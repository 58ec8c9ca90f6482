/** Contract of what has to do with the engine as a whole: its shards, `ping` and `close`. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { change, changesOf, type Open, textOf } from './kit.ts';
import { observe } from './subscribe.ts';

export function lifeTests(open: Open): void {
  it('has the shards it was made with, and all of them work', async () => {
    for (const shards of [1, 7]) {
      await using bench = await open({ shards });
      assert.equal(bench.engine.shards, shards);
      const channels = Array.from({ length: shards }, (_, shard) => bench.channel(shard));
      await bench.engine.append(channels.map((channel, shard) => change(channel, `${shard}`)));
      for (let shard = 0; shard < shards; shard++) {
        assert.deepEqual(changesOf(await bench.peek(shard)).map(textOf), [`${shard}`]);
      }
    }
  });

  it('answers a ping with the shards that are away', async () => {
    await using bench = await open();
    assert.deepEqual([...(await bench.engine.ping())], []);
  });

  it('keeps stores apart', async () => {
    await using a = await open();
    await using b = await open();
    const channel = a.channel();
    const observed = await observe(b, channel);
    await a.append(channel, 'x');
    await a.put(channel, 'x');
    assert.deepEqual((await b.peek()).entries, []);
    assert.deepEqual(await b.texts(channel), []);
    await b.put(channel, 'y');
    await b.until('its own batch', () => observed.batches.length > 0);
    assert.equal(observed.text(), 'y');
  });

  it('closes while observed and watched, and says nothing afterwards', async () => {
    const bench = await open();
    const channel = bench.channel();
    const observed = await observe(bench, channel);
    await bench.engine.watch(() => {});
    await bench.put(channel, 'a');
    await bench.until('the batch', () => observed.text() === 'a');
    await bench.subject.close();
    observed.close();
    assert.deepEqual([observed.text(), observed.suspected], ['a', 0]);
  });
}

/** Contract of state: what commits make of its fields, and that it is read together with the position it belongs to. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Channel } from '../../../src/domain/channel.ts';
import type { StateField } from '../../../src/domain/state.ts';
import { type Bench, bytesOf, type Open, same } from './kit.ts';

export function stateTests(open: Open): void {
  const field = (offset: number, text: string | null): StateField => ({
    offset,
    bytes: text === null ? null : bytesOf(text),
  });

  const put = (bench: Bench, channel: Channel, text: string, fields: Record<string, StateField>) =>
    bench.commit(0, [{ channel, events: [text], reducer: 'latest', state: new Map(Object.entries(fields)) }]);

  /** `readState` and `load` must agree; what both say. */
  async function stateOf(bench: Bench, channel: Channel) {
    const snapshot = await bench.engine.readState(channel);
    const { channels } = await bench.engine.load(0, [{ channel, froms: [], withState: true }]);
    same(channels[0]!.state, snapshot.state);
    return snapshot;
  }

  it('of a channel without state is empty, at its head', async () => {
    await using bench = await open();
    const [missing, plainLog] = [bench.channel(), bench.channel()];
    const { epoch } = await bench.bounds(missing);
    same(await stateOf(bench, missing), { epoch, offset: 0, state: new Map() });
    await bench.put(plainLog, 'a', 'b');
    same(await stateOf(bench, plainLog), { epoch, offset: 2, state: new Map() });
    await bench.put(plainLog, 'c');
    same(await stateOf(bench, missing), { epoch, offset: 3, state: new Map() });
  });

  it('keeps fields that did not change, and replaces those that did', async () => {
    await using bench = await open();
    const channel = bench.channel();
    await put(bench, channel, 'a', { alice: field(1, 'x'), bob: field(1, 'y') });
    await put(bench, channel, 'b', { bob: field(2, 'z'), carol: field(2, '') });
    const { epoch } = await bench.peek();
    const state = new Map([
      ['alice', field(1, 'x')],
      ['bob', field(2, 'z')],
      ['carol', field(2, '')],
    ]);
    same(await stateOf(bench, channel), { epoch, offset: 2, state });
  });

  it('keeps a deleted field as a tombstone, which is not an empty value, and which may get a value again', async () => {
    await using bench = await open();
    const channel = bench.channel();
    await put(bench, channel, 'a', { gone: field(1, 'x'), empty: field(1, 'x') });
    await put(bench, channel, 'b', { gone: field(2, null), empty: field(2, ''), never: field(2, null) });
    const { state } = await stateOf(bench, channel);
    same(
      state,
      new Map([
        ['gone', field(2, null)],
        ['empty', field(2, '')],
        ['never', field(2, null)],
      ]),
    );
    await put(bench, channel, 'c', { gone: field(3, 'again') });
    same((await stateOf(bench, channel)).state.get('gone'), field(3, 'again'));
  });

  it('takes any bytes as values and any text as names', async () => {
    await using bench = await open();
    const channel = bench.channel();
    const bytes = new Uint8Array(4_096).map((_, i) => i);
    const names = ['-', '', ' ', '__proto__', 'constructor', 'ünï😀', 'a\0b', 'line\nbreak', '0', 'x'.repeat(200)];
    const state = new Map(names.map((name) => [name, { offset: 1, bytes }]));
    await bench.commit(0, [{ channel, events: ['a'], reducer: 'latest', state }]);
    same((await stateOf(bench, channel)).state, state);
  });

  it('is not changed by the trimming of history', async () => {
    await using bench = await open({ historyMaxEvents: 1 });
    const channel = bench.channel();
    await put(bench, channel, 'a', { old: field(1, 'x') });
    await put(bench, channel, 'b', { new: field(2, 'y') });
    await bench.put(channel, 'c');
    const { epoch } = await bench.peek();
    const state = new Map([
      ['old', field(1, 'x')],
      ['new', field(2, 'y')],
    ]);
    same(await stateOf(bench, channel), { epoch, offset: 3, state });
  });

  it('that was read does not change any more', async () => {
    await using bench = await open();
    const channel = bench.channel();
    await put(bench, channel, 'a', { f: field(1, 'x') });
    const [{ state: read }, loaded] = [
      await bench.engine.readState(channel),
      await bench.engine.load(0, [{ channel, froms: [], withState: true }]),
    ];
    await put(bench, channel, 'b', { f: field(2, 'y'), g: field(2, 'z') });
    const before = new Map([['f', field(1, 'x')]]);
    same(read, before);
    same(loaded.channels[0]!.state, before);
  });

  it('is read as one with its position while commits go on', async () => {
    await using bench = await open();
    const channel = bench.channel();
    let writing = true;
    const writes = (async () => {
      for (let i = 1; i <= 60; i++) await put(bench, channel, 'x', { a: field(i, `${i}`), b: field(i, `${i}`) });
      writing = false;
    })();
    while (writing) {
      const { offset, state } = await bench.engine.readState(channel);
      const expected = offset === 0 ? new Map() : new Map(['a', 'b'].map((name) => [name, field(offset, `${offset}`)]));
      same(state, expected);
      await new Promise(setImmediate);
    }
    await writes;
  });

  it('is forgotten with its channel', async () => {
    await using bench = await open({ channelIdleMs: 50 });
    const channel = bench.channel();
    await put(bench, channel, 'a', { f: field(1, 'x') });
    await bench.forget(channel);
    const { epoch } = await bench.peek();
    same(await stateOf(bench, channel), { epoch, offset: 2, state: new Map() });
    await bench.put(channel, 'b');
    assert.equal((await stateOf(bench, channel)).state.size, 0);
  });
}

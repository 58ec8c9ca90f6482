/** An event that was erased: the same as it was for who compares, nothing for who folds, and all before it is doubted by who has copies. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { shardOf } from '../../src/domain/channel.ts';
import { erasedForm, isErased, sameEvent } from '../../src/domain/event.ts';
import { History } from '../../src/domain/history.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { createMemoryEngine } from '../../src/engine/memory/engine.ts';
import { channelsOf } from '../../src/eraser/channels.ts';
import { createEraser } from '../../src/eraser/eraser.ts';
import { EngineUnavailable } from '../../src/errors.ts';
import { conflate } from '../../src/gateway/audience/conflation.ts';
import { createNdjsonFormat } from '../../src/gateway/formats/ndjson.ts';
import { createRawFormat } from '../../src/gateway/formats/raw.ts';
import { createSseFormat } from '../../src/gateway/formats/sse.ts';
import { Ring } from '../../src/gateway/hub/ring.ts';
import { change, event, generousOptions, LONG_MS, TOKEN, textOf } from '../contract/engine/kit.ts';

const alices = event(7, 'secret', { from: 'alice.1', seq: 3, mergedAfterMs: 12, trace: 'x' });
const gone = erasedForm(alices);

describe('an erased event', () => {
  it('has its place and its times, and nothing else', () => {
    const { offset, atMs, mergedAfterMs } = alices;
    assert.deepEqual(gone, { offset, from: '', seq: 0, atMs, bytes: new Uint8Array(0), mergedAfterMs });
    assert.deepEqual([isErased(gone), isErased(alices), isErased(event(1, 'x'))], [true, false, false]);
    assert.ok(!isErased(event(1, '', { from: 'alice.1' })));
  });

  it('is the one it was, and no other', () => {
    assert.ok(sameEvent(gone, alices) && sameEvent(alices, gone));
    assert.ok(!sameEvent(gone, { ...alices, atMs: alices.atMs + 1 }));
    assert.ok(!sameEvent(event(7, 'other', { from: 'alice.1', seq: 3 }), alices));
  });

  it('takes its place in a history, where that has it', () => {
    const history = new History(5);
    history.append([event(6, 'abc'), alices]);
    history.replace(gone);
    assert.deepEqual([history.at(7), history.bytes], [gone, 3]);
    history.replace({ ...gone, offset: 5 });
    history.replace({ ...gone, offset: 8 });
    assert.deepEqual([history.size, history.bytes], [2, 3]);
  });

  it('makes a ring give up what lies before it', () => {
    let cost = 0;
    const account = {
      account(bytes: number) {
        cost += bytes;
      },
    };
    const ring = new Ring(account);
    ring.begin(3);
    ring.append([event(4, 'a'), event(5, 'b'), event(6, 'c')]);
    const before = cost;
    ring.append([alices, { ...gone, offset: 8 }, event(9, 'd')]);
    assert.deepEqual([ring.floor, ring.head, ring.size, ring.erasures], [7, 9, 2, 1]);
    assert.deepEqual(ring.after(0).map(textOf), ['', 'd']);
    assert.ok(cost > 0 && cost < before, 'and it is accounted for');
  });

  it('is shown as one', () => {
    const plain = { fields: new Set<never>(), withChannel: false };
    const all = { fields: new Set(['from', 'seq', 'at'] as const), withChannel: true };
    const at = `"channel":"room","at":${gone.atMs},`;
    const data = '"data":"","erased":true}';
    assert.equal(createSseFormat(plain).event(gone, 'room', 'c.7'), `id: c.7\nevent: $erased\ndata: {${data}\n\n`);
    assert.equal(createSseFormat(all).event(gone, 'room', 'c.7'), `id: c.7\nevent: $erased\ndata: {${at}${data}\n\n`);
    assert.equal(createNdjsonFormat(all).event(gone, 'room', 'c.7'), `{"id":"c.7",${at}${data}\n`);
    assert.equal(createRawFormat().event(gone, 'room', 'c.7'), '# erased\n');
  });

  it('is not the newest of those who never said who they are', () => {
    const events = [event(1, 'x'), { ...gone, offset: 2 }, { ...gone, offset: 3 }];
    assert.deepEqual(
      conflate(events).kept.map(({ offset }) => offset),
      [1, 3],
    );
  });
});

describe('an eraser', () => {
  const none = { kind: 'none' as const };

  function createBench(shards = 1) {
    const engine = createMemoryEngine({ ...generousOptions, shards });
    const deps = { deep: null, archive: null, clock: { wallMs: () => 1 }, fieldsOf: () => none };
    async function put(channel: string, texts: readonly string[]): Promise<void> {
      const shard = shardOf(channel, shards);
      const peek = await engine.peek(shard, { token: TOKEN, ms: LONG_MS }, { maxEntries: 1, maxBytes: 1 });
      assert.ok(peek.kind === 'entries');
      const { rev, epoch, events: made } = peek;
      const [{ head } = { head: null }] = (await engine.load(shard, [{ channel, froms: [], withState: false }]))
        .channels;
      const events = texts.map((text, i) => event((head ?? made) + 1 + i, text, { from: 'alice.1', seq: i + 1 }));
      const of = { channel, head, events, reducer: 'log', state: new Map(), stateBytes: 0, seqs: new Map() };
      await engine.commit(shard, { token: TOKEN, rev, epoch, entries: 0, channels: [of], unreadable: [] });
    }
    return {
      engine,
      put,
      createEraser: (over: Partial<Engine> = {}) => createEraser({ ...deps, engine: { ...engine, ...over } }),
    };
  }

  it('finds each channel once, however many there are, and those that change meanwhile', async () => {
    const { engine, put } = createBench();
    const names = Array.from({ length: 700 }, (_, i) => `c${i}`);
    for (const name of names) await put(name, ['x']);
    const seen: string[] = [];
    for await (const channels of channelsOf(engine, 0)) {
      seen.push(...channels);
      await put('c0', ['y']);
      await put('c699', ['y']);
    }
    assert.deepEqual(seen.sort(), names.sort());
  });

  it('goes on where one before it ended', async () => {
    const { engine, put, createEraser: create } = createBench(4);
    const names = Array.from({ length: 40 }, (_, i) => `c${i}`);
    for (const name of names) await put(name, ['x', 'y']);
    let calls = 0;
    const failing = create({
      erase: (...asked) => (++calls > 10 ? Promise.reject(new EngineUnavailable('planted')) : engine.erase(...asked)),
    });
    await assert.rejects(failing.erase('alice'), EngineUnavailable);
    const left = await create().erase('alice');
    assert.deepEqual(left, { events: 2 * 30, channels: 30, fields: 0 });
    assert.deepEqual(await create().erase('alice'), { events: 0, channels: 0, fields: 0 });
  });

  it('begins a channel again that was begun anew, or trimmed, under it', async () => {
    const { engine, put, createEraser: create } = createBench();
    await put('room', ['x', 'y']);
    let reads = 0;
    const eraser = create({
      async readHistory(...asked) {
        const [, after] = asked;
        if (after !== null && ++reads === 1) {
          const { epoch } = (await engine.readHistory('room', null, 0)).log;
          await engine.renew(0, epoch, { kind: 'rev', rev: 1_000 });
        }
        return engine.readHistory(...asked);
      },
    });
    assert.equal((await eraser.erase('alice')).events, 2);
  });

  it('does one after the other', async () => {
    const { put, createEraser: create } = createBench();
    await put('room', ['x', 'y']);
    const eraser = create();
    const both = await Promise.all([eraser.erase('alice'), eraser.erase('alice')]);
    assert.deepEqual(
      both.map(({ events }) => events),
      [2, 0],
    );
  });

  it('refuses what is no name, and does nothing where there is an archive that it does not have', async () => {
    const { engine, put, createEraser: create } = createBench();
    await put('room', ['x']);
    await assert.rejects(create().erase('a.b'), { code: 'bad_request' });
    await engine.markArchived(0, { epoch: '', rev: 0, marks: [], backlogMaxBytes: 1_000_000 });
    await assert.rejects(create().erase('alice'), { code: 'archive_unknown' });
    const page = await engine.readHistory('room', null, 10);
    assert.ok(page.kind === 'events' && page.events.every((each) => !isErased(each)));
  });

  it('leaves what comes while it is at work', async () => {
    const { engine, put, createEraser: create } = createBench();
    await put('room', ['x']);
    await engine.append([change('room', 'waits', { from: 'alice.1', seq: 9 })]);
    assert.equal((await create().erase('alice')).events, 2);
    await put('room', ['later']);
    const page = await engine.readHistory('room', null, 10);
    assert.ok(page.kind === 'events');
    assert.deepEqual(page.events.map(textOf), ['', '', 'later']);
  });
});

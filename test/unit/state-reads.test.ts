/** States are read once for all who ask, made into JSON once, in slices, and asked for only when they may have changed. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemClock } from '../../src/clock.ts';
import { shardOf } from '../../src/domain/channel.ts';
import type { StateField } from '../../src/domain/state.ts';
import type { Engine, Snapshot } from '../../src/engine/engine.ts';
import { Snapshots } from '../../src/gateway/hub/snapshots.ts';
import { snapshotData } from '../../src/gateway/routes/snapshot.ts';
import { stateBody } from '../../src/gateway/routes/state-body.ts';
import { createTurns } from '../../src/gateway/turns.ts';
import type { Bench } from '../contract/engine/kit.ts';
import { startHttpGateway } from '../support/http-gateway.ts';

const KIB = 1 << 10;

function fields(count: number, bytes: number, offset: number): Map<string, StateField> {
  const value = Buffer.from('x'.repeat(bytes));
  return new Map(Array.from({ length: count }, (_, i) => [`n${i}`, { offset, bytes: value }]));
}

async function put(bench: Bench, channel: string, count: number, bytes = 4): Promise<void> {
  const { head } = await bench.bounds(channel);
  const state = fields(count, bytes, head + 1);
  await bench.commit(shardOf(channel, bench.engine.shards), [{ channel, events: ['x'], reducer: 'latest', state }]);
}

/** A snapshot that tells how much of it was looked at. */
function watched(count: number, bytes: number): { snapshot: Snapshot; looks: () => number } {
  let looks = 0;
  const state = fields(count, bytes, 1);
  const each = state[Symbol.iterator].bind(state);
  state[Symbol.iterator] = function* () {
    for (const entry of each()) {
      looks++;
      yield entry;
    }
    return undefined;
  } as typeof each;
  return { snapshot: { epoch: 'aaaaa1', offset: 1, state }, looks: () => looks };
}

/** Reads of the state that the engine was asked for, and reads of anything. */
function counting() {
  const counts = { states: 0, histories: 0 };
  const change = (engine: Engine): Engine => ({
    ...engine,
    async readState(channel) {
      counts.states++;
      const snapshot = await engine.readState(channel);
      await new Promise(setImmediate);
      return snapshot;
    },
    readHistory(...asked) {
      counts.histories++;
      return engine.readHistory(...asked);
    },
  });
  return { counts, change };
}

describe('/state', () => {
  it('is one read for all who ask at the same time, and none while the head has not moved', async () => {
    const { counts, change } = counting();
    await using lab = await startHttpGateway({}, change);
    const channel = lab.bench.channel();
    await put(lab.bench, channel, 3);
    const url = `${lab.http.url}/c/${channel}/state`;
    const answers = await Promise.all(Array.from({ length: 20 }, async () => (await fetch(url)).json()));
    for (const answer of answers) assert.deepEqual(answer, answers[0]);
    assert.equal(counts.states, 1);
    await (await fetch(url)).json();
    assert.equal(counts.states, 1);
    await put(lab.bench, channel, 4);
    const { state } = (await (await fetch(url)).json()) as { state: object };
    assert.deepEqual([counts.states, Object.keys(state).length], [2, 4]);
  });

  it('costs no read of it for one that has it: only the head is looked at', async () => {
    const { counts, change } = counting();
    await using lab = await startHttpGateway({}, change);
    const channel = lab.bench.channel();
    await put(lab.bench, channel, 3);
    const url = `${lab.http.url}/c/${channel}/state`;
    const etag = (await fetch(url)).headers.get('etag')!;
    await put(lab.bench, lab.bench.channel(), 1);
    counts.states = 0;
    const answer = await fetch(url, { headers: { 'if-none-match': etag } });
    assert.deepEqual([answer.status, answer.headers.get('etag'), counts.states], [304, etag, 0]);
  });

  it('is told as data, and as nothing else', async () => {
    await using lab = await startHttpGateway();
    for (const path of ['state', 'history', 'events?format=json']) {
      const answer = await fetch(`${lab.http.url}/c/room/${path}`);
      assert.deepEqual(
        ['content-type', 'cache-control', 'x-content-type-options'].map((name) => answer.headers.get(name)),
        ['application/json', 'no-store', 'nosniff'],
      );
    }
  });
});

describe('snapshots', () => {
  it('who asks during a read gets the next one, with what has been merged meanwhile', async () => {
    await using lab = await startHttpGateway();
    const channel = lab.bench.channel();
    await put(lab.bench, channel, 1);
    const isOpen: (() => void)[] = [];
    const engine: Engine = {
      ...lab.bench.engine,
      async readState(name) {
        const snapshot = await lab.bench.engine.readState(name);
        await new Promise<void>((resolve) => isOpen.push(resolve));
        return snapshot;
      },
    };
    const snapshots = new Snapshots(engine);
    const first = snapshots.of(channel);
    await new Promise(setImmediate);
    await put(lab.bench, channel, 2);
    const others = [snapshots.of(channel), snapshots.of(channel)];
    isOpen.shift()!();
    await first;
    await new Promise(setImmediate);
    isOpen.shift()!();
    const [one, other] = await Promise.all(others);
    assert.deepEqual([(await first).state.size, one!.state.size, one === other], [1, 2, true]);
  });

  it('kept are within their bound', async () => {
    await using lab = await startHttpGateway();
    const snapshots = new Snapshots(lab.bench.engine);
    for (let i = 0; i < 40; i++) {
      const channel = lab.bench.channel();
      await put(lab.bench, channel, 1000, KIB);
      const snapshot = await snapshots.of(channel);
      snapshots.grow(channel, snapshot, 100 * KIB);
      assert.ok(snapshots.bytes <= 16 * KIB * KIB);
    }
    assert.ok(snapshots.bytes > 12 * KIB * KIB);
  });
});

describe('the data of $snapshot', () => {
  it('of a large state does not cost its JSON, and is made once', () => {
    const { snapshot, looks } = watched(200_000, 4);
    const data = snapshotData('room', snapshot);
    assert.equal(data.snapshotUrl, '/c/room/state');
    assert.ok(looks() < 10_000, `${looks()} fields were looked at`);
    assert.equal(snapshotData('room', snapshot), data);
  });

  it('has the fields themselves up to 16 KiB of JSON', () => {
    const { snapshot } = watched(100, 100);
    assert.equal(Object.keys(snapshotData('room', snapshot).state as object).length, 100);
    const control = { ...snapshot, state: new Map([['a', { offset: 1, bytes: Buffer.from('\u0001'.repeat(3000)) }]]) };
    assert.ok(snapshotData('room', control).snapshotUrl, 'six times as long');
    const wide = { ...snapshot, state: new Map([['a', { offset: 1, bytes: Buffer.from('€'.repeat(6000)) }]]) };
    assert.ok(snapshotData('room', wide).state, 'as many characters, not bytes');
  });
});

describe('the body of /state', () => {
  it('is made in slices', async () => {
    const { snapshot } = watched(100_000, 10);
    let turns = 0;
    let isDone = false;
    const turn = () => {
      turns++;
      if (!isDone) setImmediate(turn);
    };
    setImmediate(turn);
    const body = await stateBody('room', snapshot, createTurns(systemClock));
    isDone = true;
    assert.ok(turns >= 99, `${turns} turns`);
    assert.equal(Object.keys((JSON.parse(Buffer.concat(body).toString()) as { state: object }).state).length, 100_000);
  });

  it('is what the fields are, whatever their names and bytes', async () => {
    const bytesOf = (text: string) => ({ offset: 5, bytes: Buffer.from(text) });
    const state = new Map<string, StateField>([
      ['__proto__', bytesOf('own')],
      ['a"b', bytesOf('"\u0001')],
      ['7', { offset: 6, bytes: Buffer.of(0xff) }],
      ['gone', { offset: 7, bytes: null }],
    ]);
    const snapshot = { epoch: 'aaaaa1', offset: 7, state };
    const whole = Buffer.concat(await stateBody('room', snapshot, createTurns(systemClock))).toString();
    assert.match(whole, /"complete":true,"state":{"__proto__":"own","a\\"b":"\\"\\u0001"},"b64":{"7":"\/w=="}}$/);
    const part = Buffer.concat(await stateBody('room', snapshot, createTurns(systemClock), 5)).toString();
    assert.match(part, /"complete":false,"state":{"gone":null},"b64":{"7":"\/w=="}}$/);
  });
});

/** What the bindings share: a value folded from a channel, for as long as somebody looks. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Fold, folded, newest, statusOf } from '../../../src/client/bindings/fold.ts';
import { channelStore } from '../../../src/client/bindings/svelte.ts';
import type { ChannelEvent, Connection, Signals, Status, SubscribeOptions } from '../../../src/client/contract.ts';

interface Subscription {
  readonly channel: string;
  readonly listener: (event: ChannelEvent) => void;
  readonly options: SubscribeOptions;
}

/** A connection that says what it is told to. */
function fakeConnection() {
  const subscriptions = new Set<Subscription>();
  let begun = 0;
  let status: Status = { state: 'connecting' };
  const heard = new Set<(status: Status) => void>();
  const connection = {
    get status() {
      return status;
    },
    subscribe(channel: string, listener: Subscription['listener'], options: SubscribeOptions) {
      const subscription = { channel, listener, options };
      subscriptions.add(subscription);
      begun++;
      return () => void subscriptions.delete(subscription);
    },
    addEventListener(_type: keyof Signals, listener: (status: Status) => void, { signal }: { signal: AbortSignal }) {
      heard.add(listener);
      signal.addEventListener('abort', () => heard.delete(listener));
    },
  } as unknown as Connection;
  return {
    connection,
    subscriptions,
    heard,
    begun: () => begun,
    say(data: string) {
      const event: ChannelEvent = { channel: 'demo', data, id: 'x.1', own: false };
      for (const { listener } of subscriptions) listener(event);
    },
    reset(lost: number) {
      const snapshot = { channel: 'demo', cursor: 'x.2', state: { a: 'b' } };
      for (const { options } of subscriptions) options.onReset!({ channel: 'demo', lost, snapshot });
    },
    become(next: Status) {
      status = next;
      for (const listener of heard) listener(next);
    },
  };
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
const joined: Fold<string> = { initial: '', event: (text, { data }) => text + data };

describe('a folded channel', () => {
  it('is subscribed to once for all who look, and told to each', () => {
    const fake = fakeConnection();
    const store = folded(fake.connection, 'demo', { ...joined, since: 'now', snapshot: true, conflateMs: 50 });
    assert.equal(fake.begun(), 0, 'nobody looks');
    const seen: string[] = [];
    const look = () => void seen.push(store.value());
    store.subscribe(look);
    store.subscribe(look);
    assert.equal(fake.begun(), 1);
    const [{ channel, options }] = [...fake.subscriptions] as [Subscription];
    const { since, snapshot, conflateMs } = options;
    assert.deepEqual([channel, since, snapshot, conflateMs], ['demo', 'now', true, 50]);
    fake.say('a');
    fake.say('b');
    assert.deepEqual(seen, ['a', 'a', 'ab', 'ab']);
  });

  it('is kept by who gives it up and takes it again in the same turn', async () => {
    const fake = fakeConnection();
    const store = folded(fake.connection, 'demo', joined);
    const stop = store.subscribe(() => undefined);
    fake.say('a');
    stop();
    stop();
    const again = store.subscribe(() => undefined);
    fake.say('b');
    await turn();
    fake.say('c');
    assert.deepEqual([store.value(), fake.begun(), fake.subscriptions.size], ['abc', 1, 1]);
    again();
    await turn();
    assert.equal(fake.subscriptions.size, 0);
  });

  it('begins anew for who comes later: what was missed meanwhile is not known', async () => {
    const fake = fakeConnection();
    const store = folded(fake.connection, 'demo', joined);
    store.subscribe(() => undefined)();
    await turn();
    const stop = store.subscribe(() => undefined);
    fake.say('a');
    stop();
    await turn();
    assert.equal(store.value(), '');
    store.subscribe(() => undefined);
    fake.say('b');
    assert.deepEqual([store.value(), fake.begun()], ['b', 3]);
  });

  it('begins with its initial value, or with what it makes of the snapshot, when it is told so', () => {
    const fake = fakeConnection();
    const plain = folded(fake.connection, 'demo', joined);
    const careful = folded(fake.connection, 'demo', {
      ...joined,
      reset: (text, { lost, snapshot }) => `${text}/${lost}${JSON.stringify(snapshot?.state)}`,
    });
    for (const store of [plain, careful]) store.subscribe(() => undefined);
    fake.say('a');
    fake.reset(3);
    assert.deepEqual([plain.value(), careful.value()], ['', 'a/3{"a":"b"}']);
  });

  it('tells nobody where nothing has changed, and has the same value until it has', () => {
    const fake = fakeConnection();
    const store = folded(fake.connection, 'demo', { initial: [], event: (value: readonly string[]) => value });
    let told = 0;
    store.subscribe(() => told++);
    const before = store.value();
    fake.say('a');
    assert.equal(told, 0);
    assert.equal(store.value(), before);
  });

  it('may be the newest events', () => {
    const fake = fakeConnection();
    const store = folded(fake.connection, 'demo', newest(2));
    store.subscribe(() => undefined);
    for (const data of ['a', 'b', 'c']) fake.say(data);
    assert.deepEqual(
      store.value().map(({ data }) => data),
      ['b', 'c'],
    );
  });
});

it('a status is that of the connection, and nobody listens when nobody looks', async () => {
  const fake = fakeConnection();
  const store = statusOf(fake.connection);
  const seen: string[] = [];
  const stop = store.subscribe(() => seen.push(store.value().state));
  fake.become({ state: 'open' });
  stop();
  await turn();
  fake.become({ state: 'closed' });
  assert.deepEqual([seen, fake.heard.size, store.value().state], [['open'], 0, 'closed']);
});

it("a store of Svelte says its value at once, by the store's contract", () => {
  const fake = fakeConnection();
  const seen: string[] = [];
  const stop = channelStore(fake.connection, 'demo', joined).subscribe((value) => seen.push(value));
  fake.say('a');
  stop();
  fake.say('b');
  assert.deepEqual(seen, ['', 'a']);
});

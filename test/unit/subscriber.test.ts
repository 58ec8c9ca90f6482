/** What a subscriber tells between the loss of its line and its news of it: nothing. The line is a fake. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { Line } from '../../src/engine/redis/pubsub/line.ts';
import { Subscriber } from '../../src/engine/redis/pubsub/subscriber.ts';
import { waitFor } from '../support/wait.ts';

const log = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** It asks, and tells of its news, in turns of its own. */
async function turn(): Promise<void> {
  for (let i = 0; i < 3; i++) await setImmediate();
}

/** Connected at all times; its acknowledgements come when they are let go. */
class FakeLine {
  readonly isConnected = true;
  readonly #asked: (() => void)[] = [];

  get asked(): number {
    return this.#asked.length;
  }

  subscribe(): Promise<void> {
    return new Promise((resolve) => this.#asked.push(resolve));
  }

  unsubscribe(): void {}

  acknowledge(): void {
    for (const resolve of this.#asked.splice(0)) resolve();
  }
}

async function listening() {
  const fake = new FakeLine();
  const line = fake as unknown as Line;
  const subscriber = new Subscriber({ lineOf: () => line, doubt: () => undefined }, log);
  const heard: string[] = [];
  const listener = {
    published: (_name: string, payload: Buffer) => void heard.push(payload.toString()),
    missed: () => void heard.push('missed'),
  };
  const joined = subscriber.listen(0, ['news'], listener);
  fake.acknowledge();
  await joined;
  return {
    fake,
    line,
    subscriber,
    heard,
    say: (text: string) => subscriber.published(line, 'news', Buffer.from(text)),
  };
}

describe('a subscriber that lost its line', () => {
  it('passes nothing on until it has said that something was missed', async () => {
    const { fake, line, subscriber, heard, say } = await listening();
    say('a');
    subscriber.lost(line);
    await turn();
    assert.equal(fake.asked, 1, 'it asks again');
    say('from before the acknowledgement');
    fake.acknowledge();
    say('from before the news of it');
    await turn();
    say('b');
    assert.deepEqual(heard, ['a', 'missed', 'b']);
    subscriber.close();
  });

  it('begins anew when the line is lost again meanwhile, and says so once', async () => {
    const { fake, line, subscriber, heard, say } = await listening();
    subscriber.lost(line);
    await turn();
    subscriber.lost(line);
    fake.acknowledge();
    await turn();
    say('of the first line');
    assert.equal(fake.asked, 1);
    fake.acknowledge();
    await turn();
    say('b');
    assert.deepEqual(heard, ['missed', 'b']);
    subscriber.close();
  });

  it('asks for thousands of names a few commands at a time, and tells each shard in a turn of its own', async () => {
    const { fake, line, subscriber } = await listening();
    const told: number[] = [];
    const joined = [1, 2, 3].flatMap((shard) =>
      Array.from({ length: 1_200 }, (_, i) =>
        subscriber.listen(shard, [`${shard}.${i}`], { published() {}, missed: () => told.push(shard) }),
      ),
    );
    fake.acknowledge();
    await Promise.all(joined);
    subscriber.lost(line);
    let commands = 0;
    while (told.length < 3_600) {
      assert.ok(fake.asked <= 4, `${fake.asked} at once`);
      commands += fake.asked;
      fake.acknowledge();
      const before = told.length;
      await setImmediate();
      assert.ok(new Set(told.slice(before)).size <= 1, 'two shards in one turn');
    }
    assert.equal(commands, 3 * 3 + 1);
    subscriber.close();
  });

  it('tells those of one shard in pieces: who was told hears, who was not does not, and a loss meanwhile begins anew', async () => {
    const { fake, line, subscriber } = await listening();
    const heard: string[] = [];
    const told: number[] = [];
    const joined = Array.from({ length: 1_500 }, (_, i) =>
      subscriber.listen(1, [`name ${i}`], {
        published: (name) => void heard.push(name),
        missed: () => void told.push(i),
      }),
    );
    fake.acknowledge();
    await Promise.all(joined);
    const live = async () => {
      const { length } = told;
      while (told.length === length) {
        fake.acknowledge();
        await setImmediate();
      }
    };

    subscriber.lost(line);
    await live();
    assert.ok(told.length < 1_500, `${told.length} in one turn`);
    const first = told.length;
    subscriber.published(line, 'name 0', Buffer.from('x'));
    subscriber.published(line, 'name 1499', Buffer.from('x'));
    assert.deepEqual(heard, ['name 0']);

    subscriber.lost(line);
    subscriber.published(line, 'name 0', Buffer.from('x'));
    assert.deepEqual(heard, ['name 0'], 'nothing is heard of a line that was lost');
    await turn();
    assert.equal(told.length, first, 'nobody is told while it is lost');
    await live();
    await waitFor(() => told.length === first + 1_500, { what: 'all to be told' });
    subscriber.published(line, 'name 1499', Buffer.from('x'));
    assert.deepEqual(heard, ['name 0', 'name 1499']);
    subscriber.close();
  });
});

/** Of what it is subscribed to a connection keeps nothing: ioredis would keep each name, and copy all of them now and then. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Redis } from 'ioredis';
import { Line } from '../../src/engine/redis/pubsub/line.ts';
import { startRedis } from '../support/redis-server.ts';
import { waitFor } from '../support/wait.ts';

interface Condition {
  readonly subscriber: { channels(set: string): string[] } | false;
}

describe('a line', () => {
  it('hears under all of its names, keeps none of them, and subscribes anew after the last has gone', async () => {
    await using server = await startRedis();
    const redis = new Redis(server.url, { autoResubscribe: false });
    const other = new Redis(server.url);
    const heard: string[] = [];
    await waitFor(() => redis.status === 'ready', { what: 'the connection' });
    const line = new Line(redis, { published: (_line, name) => void heard.push(name), lost() {}, ready() {} });
    const kept = () => {
      const { subscriber } = (redis as unknown as { condition: Condition }).condition;
      return subscriber === false ? [] : subscriber.channels('ssubscribe');
    };
    try {
      for (const names of [['a', 'b'], ['c']]) {
        await line.subscribe(names);
        assert.deepEqual(kept(), []);
      }
      for (const name of ['a', 'b', 'c', 'd']) await other.spublish(name, 'x');
      await waitFor(() => heard.length === 3, { what: 'what was published' });
      line.unsubscribe(['a', 'b', 'c']);
      await line.subscribe(['d']);
      await other.spublish('a', 'x');
      await other.spublish('d', 'x');
      await waitFor(() => heard.length === 4, { what: 'what was published under the new name' });
      assert.deepEqual(heard, ['a', 'b', 'c', 'd']);
      assert.deepEqual(kept(), []);
    } finally {
      await line.close();
      other.disconnect();
    }
  });
});

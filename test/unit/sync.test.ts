/** The first frame of a stream says of all its channels what belongs together. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { createFormat } from '../../src/gateway/formats/formats.ts';
import type { Hub } from '../../src/gateway/hub/hub.ts';
import { syncFrames } from '../../src/gateway/stream/sync.ts';
import { Log } from '../support/gateway-parts.ts';

const format = createFormat('ndjson', { fields: new Set(), withChannel: false, heartbeat: 'comment' });

it('P11: the head of a fresh channel is where its cursor is, also when the channel has moved on meanwhile', () => {
  const position = { epoch: 'aaaaaa', offset: 16 };
  const hub = { channel: 'room', head: 44, oldest: 1, epoch: position.epoch } as Hub;
  const all = { hubs: [hub], positions: [position] };
  const told = [{ hub, start: { status: 'fresh', position } as const }];
  const { id, channels } = JSON.parse(syncFrames(format, told, all, { heartbeatMs: 1 }));
  assert.equal(channels.room.head, 16);
  assert.equal(Number.parseInt(id.split('.')[1], 36), channels.room.head);
});

it('P11: nor is the oldest event beyond the next, where an empty channel has moved on with its shard', () => {
  const position = { epoch: 'aaaaaa', offset: 0 };
  const hub = { channel: 'room', head: 1, oldest: 2, epoch: position.epoch } as Hub;
  const all = { hubs: [hub], positions: [position] };
  const told = [{ hub, start: { status: 'fresh', position } as const }];
  const { channels } = JSON.parse(syncFrames(format, told, all, { heartbeatMs: 1 }));
  assert.deepEqual(channels.room, { status: 'fresh', head: 0, oldest: 1 });
});

it('P11: a hub whose empty channel moves on moves its oldest event as well', async () => {
  const { hub } = new Log('room', 10);
  await hub.opened;
  hub.moveOn(hub.shardEpoch, 7);
  assert.deepEqual([hub.head, hub.oldest], [7, 8]);
  hub.close();
});

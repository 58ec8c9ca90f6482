/** The first frame of a stream says of all its channels what belongs together. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { createFormat } from '../../src/gateway/formats/formats.ts';
import type { Hub } from '../../src/gateway/hub/hub.ts';
import { syncFrames } from '../../src/gateway/stream/sync.ts';

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

/** What goes wrong with an audience or a stream ends that one; the hub's other readers and the process go on. */
import assert from 'node:assert/strict';
import { it, mock } from 'node:test';
import type { Recipient } from '../../src/gateway/audience/recipient.ts';
import type { Format } from '../../src/gateway/formats/format.ts';
import { assemble, Client, Log, lines, settle } from '../support/gateway-parts.ts';

const POISON = 'poison';
const offsetsOf = (client: Client) => client.lines.map(({ control, offset }) => control ?? offset);

/** Cannot write one change. */
const brittle: Format = {
  ...lines,
  event(event, channel, cursor) {
    if (event.bytes.toString() === POISON) throw new RangeError('Invalid string length');
    return lines.event(event, channel, cursor);
  },
};

for (const conflateMs of [0, 20]) {
  it(`a format that throws ends its audience's streams, conflated ${conflateMs} ms; others go on`, async () => {
    const log = new Log('room', 1_024);
    let nowMs = 0;
    const bad = await assemble([log], conflateMs, () => nowMs, { format: brittle });
    const good = await assemble([log], 0, () => nowMs);
    const ended = [bad.come(), bad.come(), bad.come()];
    const reader = good.come();
    nowMs += 1_000;
    log.commit(['ann.1'], POISON);
    await settle();
    assert.equal(bad.errors.length, 1, 'told once');
    assert.equal(bad.failed.length, ended.length);
    assert.equal(bad.budget.bytes, 0, 'nothing is held back for those who have gone');
    const late = bad.come();
    nowMs += 1_000;
    log.commit(['ann.1']);
    await settle();
    assert.deepEqual(offsetsOf(reader), [1, 2]);
    assert.deepEqual(offsetsOf(late), [2], 'who comes after that is served');
    assert.deepEqual(ended.map(offsetsOf), [[], [], []]);
    assert.equal(bad.budget.bytes, 0);
    bad.audience.close();
  });
}

it('a control frame that cannot be written ends the streams of its audience', async () => {
  const log = new Log('room', 1_024);
  const control = () => assert.fail('no control frames');
  const bad = await assemble([log], 0, () => 0, { format: { ...lines, control } });
  bad.come();
  bad.audience.announce({ event: '$sync', data: {} });
  await settle();
  assert.deepEqual([bad.errors.length, bad.failed.length], [1, 1]);
});

it('a page that cannot be written ends the stream that asked for it', async () => {
  const log = new Log('room', 1_024);
  await settle();
  log.commit(['ann.1'], POISON);
  log.commit(Array(100).fill('ann.1'), 'x'.repeat(4_000));
  const { come, errors, failed } = await assemble([log], 0, () => 0, { format: brittle });
  come([0]);
  const other = come([1]);
  await settle();
  assert.deepEqual([errors.length, failed.length], [1, 1]);
  assert.equal(other.lines.length, 100);
});

it('a connection that throws ends its stream, in the middle of a pass', async () => {
  const log = new Log('room', 1_024);
  const { come, connect, errors, failed } = await assemble([log], 0, () => 0);
  const before = come();
  const broken = new Client();
  broken.write = () => {
    throw new Error('EPIPE');
  };
  connect(broken, [0]);
  const behind = come();
  log.commit(['ann.1']);
  await settle();
  assert.deepEqual([errors.length, failed.length], [1, 1]);
  log.commit(['ann.1']);
  await settle();
  assert.deepEqual([before, behind].map(offsetsOf), [
    [1, 2],
    [1, 2],
  ]);
});

it('an audience that cannot take what its hub has ends its streams, and the hub tells its other readers', async () => {
  const log = new Log('room', 1_024);
  const bad = await assemble([log], 60_000, () => 60_000);
  const good = await assemble([log], 0, () => 0);
  bad.come();
  const reader = good.come();
  await settle();
  const after = mock.method(log.hub, 'after', () => {
    throw new Error('a bug');
  });
  try {
    assert.doesNotThrow(() => log.commit(['ann.1']));
  } finally {
    after.mock.restore();
  }
  await settle();
  assert.deepEqual([bad.errors.length, bad.failed.length], [1, 1]);
  assert.deepEqual(offsetsOf(reader), [1]);
  bad.audience.close();
});

it('an audience that cannot start over ends its streams', async () => {
  const log = new Log('room', 1_024);
  const { audience, come, errors, failed } = await assemble([log], 0, () => 0);
  come();
  await settle();
  const epoch = mock.method(log.hub, 'epoch', unableOnce(log.hub.epoch), { getter: true });
  try {
    assert.doesNotThrow(() => audience.restarted());
  } finally {
    epoch.mock.restore();
  }
  await settle();
  assert.deepEqual([errors.length, failed.length], [1, 1]);
});

it('what was gathered during a pass and cannot be sent ends the streams of its audience', async () => {
  const log = new Log('room', 1_024);
  const { come, errors, failed } = await assemble([log], 0, () => 0);
  // More than one portion.
  const streams = Array.from({ length: 600 }, () => come());
  await settle();
  const { from } = Buffer;
  log.commit(['ann.1']);
  await new Promise<void>((resolve) => setImmediate(resolve));
  const bytes = mock.method(Buffer, 'from', (text: string) => {
    if (String(text).includes(`"${POISON}"`)) throw new RangeError('Invalid string length');
    return from(text);
  });
  try {
    log.commit(['ann.1'], POISON);
    await settle();
  } finally {
    bytes.mock.restore();
  }
  assert.deepEqual([errors.length, failed.length], [1, streams.length]);
  const late = come();
  log.commit(['ann.1']);
  await settle();
  assert.deepEqual(offsetsOf(late), [3]);
});

it('a stream that cannot join fails, and its audience does not', async () => {
  const log = new Log('room', 1_024);
  const { audience, come } = await assemble([log], 0, () => 0, { format: brittle });
  const other = come();
  log.commit(['ann.1'], POISON);
  const positions = [{ epoch: log.hub.epoch, offset: 0 }];
  const told: unknown[] = [];
  const joining = { positions, fail: (error: unknown) => void told.push(error) } as unknown as Recipient;
  assert.doesNotThrow(() => audience.join(joining));
  assert.equal(told.length, 1);
  void other;
});

/** A getter that fails the first time. */
function unableOnce(value: string): () => string {
  let isAble = false;
  return () => {
    if (!isAble) {
      isAble = true;
      throw new Error('a bug');
    }
    return value;
  };
}

/** A conflating audience of channels that bring more between two flushes than a ring or a history holds (P28, P15). */
import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import fc from 'fast-check';
import { assemble, type Line, Log, settle } from '../support/gateway-parts.ts';

const MS = 1_000;
/** As many as a ring holds. */
const KEPT = 1_024;

interface Time {
  now(): number;
  pass(ms?: number): Promise<void>;
  /** The same, and one turn of the event loop: what was flushed may only be on its way. */
  tick(): Promise<void>;
}

async function withTime(run: (time: Time) => Promise<void>): Promise<void> {
  let nowMs = MS;
  mock.timers.enable({ apis: ['setTimeout'] });
  const tick = async () => {
    nowMs += MS;
    mock.timers.tick(MS);
    await new Promise<void>((resolve) => setImmediate(resolve));
  };
  const pass = async (ms = MS) => {
    nowMs += ms;
    mock.timers.tick(ms);
    await settle();
  };
  try {
    await run({ now: () => nowMs, pass, tick });
  } finally {
    mock.timers.reset();
  }
}

const it = (name: string, run: (time: Time) => Promise<void>) => test(name, () => withTime(run));

/** More than are kept, in batches, the last two of `bob` and `ann`. */
function rush(log: Log, batches = 10): void {
  for (let i = 0; i < batches; i++) log.commit(Array.from({ length: 128 }, (_, at) => (at % 2 ? 'ann.1' : 'bob.1')));
}

const told = (lines: readonly Line[]) => lines.map(({ control, data, offset }) => (control ? data?.folded : offset));
const countOf = (lines: readonly Line[]) =>
  lines.reduce((sum, { control, data }) => sum + (control ? data!.folded : 1), 0);

it('a stream is told the newest of each name at every flush, and never to start over', async ({ now, pass }) => {
  const log = new Log('room', KEPT);
  const { audience, come } = await assemble([log], MS, now);
  const client = come();
  for (let i = 0; i < 3; i++) {
    rush(log);
    assert.equal(audience.covers(0, { epoch: log.hub.epoch, offset: 1_280 * i }), true);
    await pass();
    assert.equal(audience.covers(0, { epoch: log.hub.epoch, offset: 1_280 * i }), false, 'what was told is not kept');
  }
  assert.deepEqual(told(client.lines), [1278, 1279, 1280, 1278, 2559, 2560, 1278, 3839, 3840]);
  for (const { offset, cursor } of client.lines) if (cursor) assert.equal(log.offsetOf(cursor), offset);
});

it('who comes between two flushes waits for the next, and is told what came since, once', async ({ now, pass }) => {
  const log = new Log('room', KEPT);
  const { come } = await assemble([log], MS, now);
  come();
  log.commit(['ann.1', 'bob.1', 'cyd.1']);
  await pass();
  log.commit(['dan.1', 'ann.1']);
  const behind = [come([2]), come([2])];
  const between = come([4]);
  rush(log, 5);
  const late = come();
  for (const client of [...behind, between, late]) assert.deepEqual(client.lines, []);
  rush(log, 5);
  await pass();
  for (const client of behind) assert.deepEqual(told(client.lines), [1279, 3, 4, 1284, 1285]);
  assert.deepEqual(told(between.lines), [1279, 1284, 1285]);
  assert.deepEqual(told(late.lines), [638, 1284, 1285]);
  log.commit(['ann.1']);
  await pass();
  for (const client of [...behind, between, late]) assert.equal(client.lines.at(-1)!.offset, 1286);
});

it('who comes back after a flush, conflated, is not told anything twice', async ({ now, pass }) => {
  const log = new Log('room', KEPT);
  const { come } = await assemble([log], MS, now);
  const client = come();
  log.commit(['ann.1', 'bob.1', 'ann.1', 'cyd.1']);
  await pass();
  assert.deepEqual(told(client.lines), [1, 2, 3, 4]);
  const again = client.lines.slice(1).map(({ cursor }) => come([log.offsetOf(cursor!)!]));
  await pass();
  assert.deepEqual(
    again.map(({ lines }) => told(lines)),
    [[3, 4], [4], []],
  );
});

it('of a log that is no more nothing is told; of the other channel nothing is lost', async ({ now, pass }) => {
  const logs = [new Log('a', KEPT), new Log('b', KEPT)] as const;
  const { come } = await assemble(logs, MS, now);
  const client = come();
  for (const log of logs) log.commit(['ann.1']);
  await pass();
  for (const log of logs) rush(log);
  const waiting = come();
  await logs[0].renew();
  await settle();
  logs[0].commit(['ann.1']);
  rush(logs[1], 1);
  await pass();
  const since = client.lines.slice(2);
  assert.deepEqual(
    since.map(({ control, channel, data, offset }) => control ?? `${channel ?? data!.channel} ${offset}`),
    ['$sync', '$snapshot', 'a 1282', '$lagged', 'b 1408', 'b 1409'],
  );
  assert.equal(since[3]!.data!.folded, 1406);
  assert.deepEqual(
    waiting.lines.map(({ control, data, offset }) => (control === '$lagged' ? data!.folded : (control ?? offset))),
    ['$sync', '$snapshot', 1282, 126, 1408, 1409],
  );
});

it('whoever waits and takes no more is not written to', async ({ now, pass }) => {
  const log = new Log('room', KEPT);
  const { come } = await assemble([log], MS, now);
  come();
  log.commit(['ann.1']);
  await pass();
  log.commit(['ann.1']);
  const client = come([0]);
  client.isFull = true;
  await pass();
  assert.equal(client.writes, 0);
});

it('a control frame takes along what waits, and from then on it is a whole time to the next', async ({ now, pass }) => {
  const log = new Log('room', KEPT);
  const { audience, come } = await assemble([log], MS, now);
  const client = come();
  log.commit(['ann.1']);
  await pass(MS / 2);
  audience.announce({ event: '$sync', data: {} });
  log.commit(['ann.1']);
  await pass(MS / 2);
  assert.deepEqual(
    client.lines.map(({ control, offset }) => control ?? offset),
    [1, '$sync'],
  );
  await pass(MS / 2);
  assert.equal(client.lines.at(-1)!.offset, 2);
});

test('each stream sees ascending offsets, the newest of each name, and every event told or counted', async () => {
  const froms = fc.array(fc.constantFrom('a.1', 'a.2', 'b.1', 'c.1', ''), { minLength: 1, maxLength: 400 });
  // Of the larger ones, one name is a portion of a flush.
  const change = fc.constantFrom('x', 'x'.repeat(300_000));
  const action = fc.oneof(
    { weight: 4, arbitrary: fc.record({ froms, change }) },
    { weight: 2, arbitrary: fc.record({ behind: fc.integer({ min: 0, max: 600 }) }) },
    { weight: 2, arbitrary: fc.constantFrom('flush' as const, 'half' as const, 'shrink' as const) },
    { weight: 2, arbitrary: fc.constantFrom('tick' as const, 'full' as const, 'taken' as const) },
  );
  const property = fc.asyncProperty(fc.array(action, { maxLength: 30 }), (actions) =>
    withTime(async ({ now, pass, tick }) => {
      const log = new Log('room', KEPT);
      const { come } = await assemble([log], MS, now);
      const clients = [{ from: 0, client: come() }];
      const all: string[] = [];
      for (const next of actions) {
        if (typeof next === 'object' && 'froms' in next) {
          log.commit(next.froms, next.change);
          all.push(...next.froms);
        } else if (typeof next === 'object') {
          const from = Math.max(0, all.length - next.behind);
          clients.push({ from, client: come([from]) });
        } else if (next === 'tick') await tick();
        else if (next === 'full') clients[0]!.client.isFull = true;
        else if (next === 'taken') clients[0]!.client.take();
        else if (next === 'shrink') log.hub.shrink();
        else await pass(next === 'half' ? MS / 2 : MS);
      }
      clients[0]!.client.take();
      for (let i = 0; i < 4; i++) await pass();
      const nameOf = (from: string) => from.split('.')[0]!;
      const newest = new Map(all.map((from, i) => [nameOf(from), i + 1]));
      for (const { from, client } of clients) {
        const events = client.lines.filter(({ offset }) => offset !== undefined);
        assert.ok(events.every(({ offset }, i) => offset! > (events[i - 1]?.offset ?? from)));
        assert.equal(countOf(client.lines), all.length - from);
        for (const [name, offset] of newest) {
          if (offset <= from) continue;
          assert.ok(
            events.some((line) => line.offset === offset),
            `${offset}, the newest of ${name}`,
          );
        }
      }
    }),
  );
  await fc.assert(property, { numRuns: 60 });
});

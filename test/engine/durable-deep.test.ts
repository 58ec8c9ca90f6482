/** What a single box keeps behind its histories: one history as deep as there were events, for as long as it is told to keep them. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { boxArchive } from '../../src/archive/box.ts';
import { withArchive } from '../../src/archive/histories.ts';
import { systemClock } from '../../src/clock.ts';
import { createDurableEngine } from '../../src/engine/durable/engine.ts';
import { generousOptions, TOKEN, textOf } from '../contract/engine/kit.ts';
import { type Folder, makeFolder } from '../support/folder.ts';
import { merge } from './merge.ts';

const KEPT = 5;
const DAY_MS = 86_400_000;

interface BoxInit {
  readonly days?: number;
  readonly nowMs?: () => number;
  readonly historyMaxEvents?: number;
}

async function openBox(folder: Folder, { days = 0, nowMs = () => 0, historyMaxEvents = KEPT }: BoxInit = {}) {
  const clock = { ...systemClock, wallMs: () => 1_795_000_000_000 + nowMs() };
  const keptMs = () => days * DAY_MS || Number.POSITIVE_INFINITY;
  const options = { ...generousOptions, shards: 1, historyMaxEvents, dataDir: folder.path, keepsAll: true, keptMs };
  const engine = await createDurableEngine(options, clock);
  const histories = withArchive(engine, boxArchive(engine.deep!), (error) => assert.fail(String(error)));
  return { engine, histories };
}

/** All that can be had from where a channel began, or from this offset on, page after page. */
async function all({ engine, histories }: Awaited<ReturnType<typeof openBox>>, channel: string, limit = 3) {
  const { log } = await engine.readHistory(channel, null, 0);
  const texts: string[] = [];
  let offset = (log.archivedFrom ?? log.oldest) - 1;
  for (;;) {
    const page = await histories.readHistory(channel, { epoch: log.epoch, offset }, limit);
    assert.equal(page.kind, 'events');
    if (page.events.length === 0) return texts;
    for (const each of page.events) assert.equal(each.offset, ++offset);
    texts.push(...page.events.map(textOf));
  }
}

const numbered = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => `${from + i}`);

describe('a box that keeps everything', () => {
  it('has one history, from the first event to the last, also when it begins again', async () => {
    using folder = makeFolder();
    let box = await openBox(folder);
    for (let i = 1; i <= 60; i += 3) await merge(box.engine, 'room', ...numbered(i, i + 2));
    await merge(box.engine, 'other', 'x');
    assert.deepEqual(await all(box, 'room'), numbered(1, 60));
    const kept = await box.engine.readHistory('room', null, 1_000);
    assert.equal(kept.kind === 'events' && kept.events.length, KEPT);
    for (let lives = 0; lives < 3; lives++) {
      await box.engine.close();
      box = await openBox(folder, { historyMaxEvents: KEPT + lives });
      const next = 61 + 3 * lives;
      await merge(box.engine, 'room', ...numbered(next, next + 2));
      assert.deepEqual(await all(box, 'room', 1 + 10 * lives), numbered(1, next + 2));
      assert.deepEqual(await all(box, 'other'), ['x']);
    }
    await box.engine.close();
  });

  it('keeps of a silent channel all it had, but in memory only the last event, until its days are over', async () => {
    using folder = makeFolder();
    let elapsedMs = 0;
    const options = { ...generousOptions, shards: 1, dataDir: folder.path, keepsAll: true, keptMs: () => 7 * DAY_MS };
    const open = async () => {
      const engine = await createDurableEngine(options, { ...systemClock, elapsedMs: () => elapsedMs });
      return {
        engine,
        histories: withArchive(engine, boxArchive(engine.deep!), (error) => assert.fail(String(error))),
      };
    };
    let box = await open();
    await merge(box.engine, 'room', ...numbered(1, 9));
    const sweep = async () => {
      const swept = await box.engine.sweep(0, TOKEN, 10);
      return swept.kind === 'swept' ? swept.channels : assert.fail('not ours');
    };
    elapsedMs += generousOptions.channelIdleMs + 1;
    assert.deepEqual(await sweep(), []);
    const kept = await box.engine.readHistory('room', null, 1_000);
    assert.deepEqual(kept.kind === 'events' && kept.events.map(textOf), ['9']);
    assert.deepEqual(await all(box, 'room'), numbered(1, 9));
    await box.engine.close();
    box = await open();
    assert.deepEqual(await all(box, 'room'), numbered(1, 9));
    await merge(box.engine, 'room', '10');
    assert.deepEqual(await all(box, 'room'), numbered(1, 10));
    elapsedMs += 7 * DAY_MS + 1;
    assert.deepEqual(await sweep(), ['room']);
    assert.equal(await box.engine.deep!.read('room', 0, 10, 1_000), null);
    await merge(box.engine, 'room', 'anew');
    assert.deepEqual(await all(box, 'room'), ['anew'], 'one that was forgotten is given back to nobody');
    await box.engine.close();
  });

  it('for so many days: what is older goes, but for what the history has, and where it ends is told', async () => {
    using folder = makeFolder();
    let nowMs = 0;
    const days = 7;
    let box = await openBox(folder, { days, nowMs: () => nowMs });
    for (let day = 0; day < 20; day++) {
      nowMs = day * DAY_MS;
      await merge(box.engine, 'room', ...numbered(3 * day + 1, 3 * day + 3));
      if (day === 0) await merge(box.engine, 'quiet', 'a', 'b');
    }
    await box.engine.deep!.retain();
    // Those of day 12 are seven days old, and not older.
    assert.deepEqual(await all(box, 'room'), numbered(3 * 12 + 1, 60));
    assert.deepEqual(await all(box, 'quiet'), ['a', 'b']);
    const { log } = await box.engine.readHistory('room', null, 0);
    const gone = await box.histories.readHistory('room', { epoch: log.epoch, offset: log.base }, 10);
    assert.deepEqual([gone.kind, gone.kind === 'gap' && gone.reason], ['gap', 'trimmed']);
    await box.engine.close();
    box = await openBox(folder, { days, nowMs: () => nowMs });
    assert.equal(await box.engine.deep!.retain(), 0);
    assert.deepEqual(await all(box, 'room'), numbered(3 * 12 + 1, 60));
    await box.engine.close();
  });
});

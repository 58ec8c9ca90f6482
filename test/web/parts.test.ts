/** Parts of the app that need no browser: words, figures, names, and where an answer begins. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Status } from '../../src/client/contract.ts';
import { isThisMachine } from '../../src/web/app/address.ts';
import { intervalMs } from '../../src/web/app/auto.ts';
import { drainOf } from '../../src/web/app/battery.ts';
import { headOf, offsetOf } from '../../src/web/app/beginning.ts';
import { createFeed, ROWS_MAX } from '../../src/web/app/feed.ts';
import { bytesText, createMeasures, millisecondsText, percentile } from '../../src/web/app/measures.ts';
import { sparkPoints } from '../../src/web/app/measures-view.ts';
import { drawName, isName, nameOf } from '../../src/web/app/names.ts';
import { roomOf } from '../../src/web/app/rooms.ts';
import { stateWords } from '../../src/web/app/state-words.ts';
import { visibleText } from '../../src/web/app/visible-text.ts';

describe('the words for a state', () => {
  const reasons = [
    undefined,
    'cut',
    'silent',
    'buffered',
    'refused',
    'capacity',
    'drain',
    'age',
    'not-our-server',
    'hidden',
  ];

  it('say connected of what is live, and of nothing else', () => {
    for (const state of ['connecting', 'open', 'parked', 'offline', 'closed', 'failed'] as const) {
      for (const reason of [...reasons, 'degraded', 'not-durable', 'some_problem']) {
        for (const hasNetwork of [true, false]) {
          const { words, tone } = stateWords({ state, ...(reason && { reason }) }, hasNetwork, 1);
          const isLive = state === 'open' && hasNetwork && reason !== 'degraded';
          assert.equal(words === 'Connected', isLive, `${state} ${reason} ${hasNetwork}`);
          assert.equal(tone === 'good', isLive);
        }
      }
    }
  });

  it('say what it means, wherever it is not well', () => {
    const wrong: Status[] = [...reasons.map((reason) => ({ state: 'offline', ...(reason && { reason }) }) as const)];
    for (const status of [...wrong, { state: 'failed', reason: 'unauthorized' } as const]) {
      const { detail, mayRetry } = stateWords(status, true, 0);
      assert.match(detail, /^[A-Z].*\.$/);
      assert.equal(mayRetry, true);
    }
    assert.equal(stateWords({ state: 'open', reason: 'not-durable' }, true, 0).detail, '');
    assert.match(stateWords({ state: 'open', reason: 'not-durable' }, true, 1).detail, /lost/);
  });
});

describe('where an answer begins', () => {
  it('is read off a stream and off a poll, once it is there', () => {
    const sync =
      'retry: 1\nid: p.1z\nevent: $sync\ndata: {"status":"resumed","channels":{"a":{"status":"resumed","head":71';
    assert.equal(headOf(`${sync},"oldest":1}}}\n\n`), 71);
    assert.equal(headOf('retry: 1\nid: p.1z\n'), undefined);
    assert.equal(headOf('{"cursor":"p.1z","status":"fresh","events":[]'), 71);
    assert.equal(headOf('{"cursor":"p.1'), undefined);
    assert.equal(headOf('{"cursor":"p.1z","events":[{"data":"{\\"head\\":9}"}]'), 71, 'not what a change says');
    assert.equal(offsetOf('k3v9qa.1z'), 71);
  });
});

describe('a feed', () => {
  const row = (id: string) => ({ id, text: id, isOwn: false });

  it('counts what was missed in one note, and what is missed later in another', () => {
    const feed = createFeed(() => {});
    feed.begin([row('p.1')]);
    for (const id of ['p.2', 'p.3']) feed.addMissed(row(id), 'person');
    feed.add(row('p.4'));
    feed.newAbsence();
    feed.addMissed(row('p.5'), 'connection');
    assert.deepEqual(
      feed.rows.map((each) => ('note' in each ? each.note : each.id)),
      ['p.1', '2 came while you were away', 'p.2', 'p.3', 'p.4', '1 came while the connection was gone', 'p.5'],
    );
  });

  it('is bounded', () => {
    const feed = createFeed(() => {});
    for (let i = 0; i < 2 * ROWS_MAX; i++) feed.add(row(`p.${i}`));
    assert.equal(feed.rows.length, ROWS_MAX);
  });
});

describe('figures', () => {
  it('are percentiles of the last round trips', () => {
    const measures = createMeasures();
    for (let ms = 1; ms <= 100; ms++) measures.addTrip(ms);
    assert.equal(measures.trips.length, 60);
    assert.deepEqual([percentile(measures.trips, 0.5), percentile(measures.trips, 0.95)], [70, 97]);
    assert.equal(percentile([], 0.5), undefined);
    assert.deepEqual(
      [millisecondsText(undefined), millisecondsText(1.23), millisecondsText(41.6)],
      ['–', '1.2 ms', '42 ms'],
    );
  });

  it('are bytes as people read them', () => {
    assert.deepEqual([0, 999, 1_000, 12_345, 2_000_000].map(bytesText), ['0 B', '999 B', '1.0 kB', '12 kB', '2.0 MB']);
  });

  it('are a line that stays within its picture', () => {
    assert.equal(sparkPoints([]), '');
    const points = sparkPoints([5, 1, 9])
      .split(' ')
      .map((point) => point.split(',').map(Number));
    for (const [x = -1, y = -1] of points) assert.ok(x >= 0 && x <= 120 && y >= 0 && y <= 28);
    assert.equal(points.at(-1)![0], 120);
  });

  it('of the battery wait until they mean something', () => {
    const first = { level: 0.8, atMs: 0 };
    assert.equal(drainOf(first, { level: 0.79, atMs: 60_000 }), undefined, 'too early');
    assert.equal(drainOf(first, { level: 0.8, atMs: 3_600_000 }), undefined, 'nothing lost yet');
    assert.ok(Math.abs(drainOf(first, { level: 0.77, atMs: 1_800_000 })! - 6) < 1e-9);
  });

  it('of what is sent by itself have the mean that was chosen, about', () => {
    let n = 0;
    const even = () => (n++ % 1_000) / 1_000;
    const sum = Array.from({ length: 1_000 }, () => intervalMs(10_000, even)).reduce((all, ms) => all + ms, 0);
    assert.ok(Math.abs(sum / 1_000 - 10_000) < 200, String(sum / 1_000));
    assert.equal(
      intervalMs(1_000, () => 1 - 1e-9),
      5_000,
    );
  });
});

describe('names and texts', () => {
  it('of rooms are those of channels', () => {
    assert.deepEqual(roomOf(''), { text: 'demo', isRoom: true });
    assert.deepEqual(roomOf('#a.b-c'), { text: 'a.b-c', isRoom: true });
    assert.deepEqual(roomOf('#a%20b'), { text: 'a b', isRoom: false });
    assert.deepEqual(roomOf('#%zz'), { text: '%zz', isRoom: false });
    assert.equal(roomOf(`#${'x'.repeat(65)}`).isRoom, false);
  });

  it('of publishers are those of the protocol', () => {
    for (const part of [0, 0.5, 0.999]) assert.ok(isName(drawName(() => part)));
    for (const bad of ['', 'a b', 'José', 'a.b', 'x'.repeat(41)]) assert.equal(isName(bad), false, bad);
    assert.deepEqual([nameOf('ana~b9H9a9Ul'), nameOf(undefined)], ['ana', 'somebody']);
  });

  it('can be seen, whatever was sent', () => {
    assert.deepEqual([' ', '\n', 'a\tb', 'a b'].map(visibleText), ['␣', '⏎', 'a⇥b', 'a b']);
    assert.equal(visibleText(new Uint8Array([0, 255])), '00 ff');
    assert.equal(visibleText('é'.repeat(500)).length, 161);
    assert.match(visibleText(new Uint8Array(100)), / …$/);
  });

  it('of this machine are those that no other device reaches', () => {
    for (const name of ['localhost', 'app.localhost', '127.0.0.1', '[::1]'])
      assert.equal(isThisMachine(name), true, name);
    for (const name of ['localhost.example', '192.168.1.2', 'rt.example'])
      assert.equal(isThisMachine(name), false, name);
  });
});

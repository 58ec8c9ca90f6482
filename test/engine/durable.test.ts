/** The engine of a single box keeps the contract, each time on a directory of its own, and says why one cannot be used. */
import assert from 'node:assert/strict';
import { appendFileSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import Libsql from 'libsql';
import { pack } from 'msgpackr';
import { systemClock } from '../../src/clock.ts';
import { createDurableEngine, type DurableOptions } from '../../src/engine/durable/engine.ts';
import { packChanges } from '../../src/engine/durable/inbox-rows.ts';
import { EngineUnavailable, EngineUnusable } from '../../src/errors.ts';
import { ALL, change, event, generousOptions, LONG_MS, TOKEN, textOf } from '../contract/engine/kit.ts';
import { engineContract } from '../contract/engine.ts';
import { makeFolder } from '../support/folder.ts';
import { makeSmallDisk } from '../support/small-disk.ts';

function open(dataDir: string, options: Partial<DurableOptions> = {}) {
  return createDurableEngine({ ...generousOptions, ...options, dataDir });
}

engineContract({
  name: 'durable',
  supports: { unreadable: false },
  async create(options) {
    const folder = makeFolder();
    let elapsedMs = 0;
    const clock = { ...systemClock, elapsedMs: () => elapsedMs };
    const engine = await createDurableEngine({ ...generousOptions, ...options, dataDir: folder.path }, clock);
    return {
      engine,
      advance: (ms) => {
        elapsedMs += ms;
      },
      async close() {
        await engine.close();
        folder[Symbol.dispose]();
      },
    };
  },
});

type Opened = Awaited<ReturnType<typeof open>>;

async function textsIn(engine: Opened): Promise<string[]> {
  const peek = await engine.peek(0, { token: TOKEN, ms: LONG_MS }, { maxEntries: ALL, maxBytes: 100 * ALL });
  assert.equal(peek.kind, 'entries');
  return peek.entries.map((entry) => (entry.kind === 'change' ? textOf(entry.change) : entry.kind));
}

describe('a directory', () => {
  it('has what was accepted, in order, of which a part may be merged', async () => {
    using folder = makeFolder();
    const first = await open(folder.path, { shards: 1 });
    await first.append([change('room', 'a'), change('room', 'b')]);
    await Promise.all(['c', 'd', 'e'].map((text) => first.append([change('room', text)])));
    const peek = await first.peek(0, { token: TOKEN, ms: LONG_MS }, { maxEntries: ALL, maxBytes: ALL });
    assert.equal(peek.kind, 'entries');
    const commit = {
      token: TOKEN,
      ...{ rev: peek.rev, epoch: peek.epoch, entries: 3, unreadable: [] },
      channels: [
        {
          ...{ channel: 'room', head: null, reducer: 'log', stateBytes: 0, state: new Map(), seqs: new Map() },
          events: ['a', 'b', 'c'].map((text, i) => event(peek.events + 1 + i, text)),
        },
      ],
    };
    assert.equal((await first.commit(0, commit)).kind, 'committed');
    await first.close();

    const again = await open(folder.path, { shards: 1 });
    assert.deepEqual(await textsIn(again), ['d', 'e']);
    const page = await again.readHistory('room', null, 10);
    assert.equal(page.kind, 'events');
    assert.deepEqual([page.log.epoch, page.events.map(textOf)], [peek.epoch, ['a', 'b', 'c']]);
    await again.close();
  });

  it('has everything before anybody is told of it', async () => {
    using folder = makeFolder();
    const engine = await open(folder.path, { shards: 1 });
    const told: string[] = [];
    await engine.subscribe('room', { published: (_, events) => void told.push(...events.map(textOf)), suspect() {} });
    const lease = { token: TOKEN, ms: LONG_MS };
    const limits = { maxEntries: ALL, maxBytes: ALL };
    // What a message to another thread takes is more than this, whatever the machine.
    const aLittle = async () => {
      for (let i = 0; i < 100; i++) await undefined;
    };
    const appended = engine.append([change('room', 'a')]);
    await aLittle();
    const before = await engine.peek(0, lease, limits);
    assert.deepEqual(before.kind === 'entries' && before.entries, [], 'seen before it was there');
    await appended;
    const { rev, epoch, events } = (await engine.peek(0, lease, limits)) as Extract<typeof before, { kind: 'entries' }>;
    const committed = engine.commit(0, {
      ...{ token: TOKEN, rev, epoch, entries: 1, unreadable: [] },
      channels: [
        {
          ...{ channel: 'room', head: null, reducer: 'log', stateBytes: 0, state: new Map(), seqs: new Map() },
          events: [event(events + 1, 'a')],
        },
      ],
    });
    await aLittle();
    assert.deepEqual([told, (await engine.load(0, [])).rev], [[], rev], 'told before it was there');
    await committed;
    await aLittle();
    assert.deepEqual(told, ['a']);
    await engine.close();
  });

  it('is put in order where a process ended in the middle of that', async () => {
    using folder = makeFolder();
    const first = await open(folder.path, { shards: 1 });
    await first.append([change('room', 'merged')]);
    await first.append([change('room', 'waits')]);
    await first.close();
    const db = new Libsql(join(folder.path, 'smallchange.db'));
    // Of what the log has, the first was in its place, and its going was not.
    db.exec(`INSERT INTO inbox VALUES (1, 0, ${literal(packChanges([change('room', 'merged')]))})`);
    db.exec(`INSERT INTO log VALUES (NULL, ${literal(pack([['taken', 1]]))})`);
    db.close();
    const again = await open(folder.path, { shards: 1 });
    assert.deepEqual(await textsIn(again), ['waits']);
    await again.close();
  });

  it('is one process’s: a second is refused and told who has it', async () => {
    using folder = makeFolder();
    const first = await open(folder.path);
    const refused = open(folder.path);
    await assert.rejects(refused, (error: Error) => {
      assert.ok(error instanceof EngineUnusable);
      assert.match(
        error.message,
        new RegExp(`^DATA_DIR ${folder.path} is in use by process ${process.pid} on .*: each`),
      );
      return true;
    });
    await first.append([change('room', 'still there')]);
    await first.close();
    await (await open(folder.path)).close();
  });

  it('is refused with another number of shards', async () => {
    using folder = makeFolder();
    await (await open(folder.path, { shards: 4 })).close();
    await assert.rejects(open(folder.path, { shards: 5 }), /^EngineUnusable: SHARDS is 5, but .* was begun with 4/);
    await (await open(folder.path, { shards: 4 })).close();
  });

  it('is refused where it cannot be made, is no database, or is of a newer version', async () => {
    using folder = makeFolder();
    const file = join(folder.path, 'file');
    writeFileSync(file, 'x');
    await assert.rejects(open(join(file, 'below')), /^EngineUnusable: DATA_DIR .* cannot be made: ENOTDIR/);
    writeFileSync(join(folder.path, 'smallchange.db'), 'no database, but a text that is longer than its header is');
    await assert.rejects(open(folder.path), /^EngineUnusable: DATA_DIR .* has a smallchange\.db that is no database/);

    using other = makeFolder();
    await (await open(other.path)).close();
    const db = new Libsql(join(other.path, 'smallchange.db'));
    db.exec('PRAGMA user_version = 7');
    db.close();
    await assert.rejects(open(other.path), /its tables are of version 7, and this program knows 2\.$/);
  });

  it('is refused on a disk that cannot be written to', async () => {
    using disk = makeSmallDisk('size=4m');
    disk.remount('ro');
    await assert.rejects(open(disk.path), /^EngineUnusable: DATA_DIR .* cannot be used: .*(readonly|open)/);
    await assert.rejects(open(join(disk.path, 'below')), /^EngineUnusable: DATA_DIR .* cannot be made: /);
  });

  it('has what was whole, where the end of its journal is torn', async () => {
    using folder = makeFolder();
    const first = await open(folder.path, { shards: 1 });
    await first.append([change('room', 'whole')]);
    const whole = journalOf(folder.path);
    await first.append([change('room', 'torn')]);
    const torn = journalOf(folder.path);
    await first.close();
    using copy = makeFolder();
    for (const [cut, expected] of [
      [torn.length - 100, ['whole']],
      [whole.length + 10, ['whole']],
      [torn.length, ['whole', 'torn']],
    ] as const) {
      restore(copy.path, torn);
      truncateSync(join(copy.path, 'smallchange.db-wal'), cut);
      const again = await open(copy.path, { shards: 1 });
      assert.deepEqual(await textsIn(again), expected);
      await again.close();
    }
    // What is not of the journal, behind it.
    restore(copy.path, whole);
    appendFileSync(join(copy.path, 'smallchange.db-wal'), Buffer.alloc(5_000, 7));
    const again = await open(copy.path, { shards: 1 });
    assert.deepEqual(await textsIn(again), ['whole']);
    await again.close();
  });

  it('that is full takes nothing and loses nothing, and goes on when there is room', async () => {
    using folder = makeSmallDisk('size=2m');
    const engine = await open(folder.path, { shards: 1 });
    try {
      let accepted = 0;
      const fill = async () => {
        for (;;) {
          await engine.append([change('room', `${accepted}${'x'.repeat(10_000)}`)]);
          accepted++;
        }
      };
      await assert.rejects(fill(), (error: Error) => {
        assert.ok(error instanceof EngineUnavailable);
        assert.match(error.message, /^The disk does not take it: .*full/);
        return true;
      });
      assert.equal((await textsIn(engine)).length, accepted);
      // What is small still fits, for a while: each takes a page of the journal.
      await assert.rejects(async () => {
        for (;;) {
          await engine.append([change('room', '.')]).then(
            () => accepted++,
            () => {},
          );
          await engine.ping();
        }
      }, EngineUnavailable);
      folder.remount('size=20m');
      await engine.ping();
      await engine.append([change('room', 'room again')]);
      await engine.close();
      const again = await open(folder.path, { shards: 1 });
      const texts = await textsIn(again);
      await again.close();
      assert.deepEqual([texts.length, texts.at(-1)], [accepted + 1, 'room again']);
    } finally {
      await engine.close();
    }
  });

  it('stays as small as what is kept: the log and the journal begin anew, and trimmed events leave their place to others', async () => {
    using folder = makeFolder();
    const engine = await open(folder.path, { shards: 1, historyMaxEvents: 10 });
    const text = 'x'.repeat(1_000);
    const { rev, events, epoch } = (await engine.peek(
      0,
      { token: TOKEN, ms: LONG_MS },
      { maxEntries: 1, maxBytes: 1 },
    )) as {
      rev: number;
      events: number;
      epoch: string;
    };
    for (let i = 0; i < 1_000; i++) {
      const events50 = Array.from({ length: 50 }, (_, n) => event(events + 1 + 50 * i + n, text));
      const outcome = await engine.commit(0, {
        ...{ token: TOKEN, rev: rev + i, epoch, entries: 0, unreadable: [] },
        channels: [
          {
            ...{ channel: 'room', head: i === 0 ? null : events + 50 * i, reducer: 'log', stateBytes: 0 },
            ...{ state: new Map(), seqs: new Map(), events: events50 },
          },
        ],
      });
      assert.equal(outcome.kind, 'committed');
    }
    await engine.close();
    const bytes = readdirSync(folder.path).map((name) => statSync(join(folder.path, name)).size);
    assert.ok(Math.max(...bytes) < 16 << 20, `${bytes} bytes for 10 events of 1,000, of 50,000 that came`);
  });
});

function literal(bytes: Uint8Array): string {
  return `x'${Buffer.from(bytes).toString('hex')}'`;
}

function journalOf(dir: string): { length: number; database: Buffer; journal: Buffer } {
  const [database, journal] = ['', '-wal'].map((end) => readFileSync(join(dir, `smallchange.db${end}`)));
  return { length: journal!.length, database: database!, journal: journal! };
}

function restore(dir: string, { database, journal }: ReturnType<typeof journalOf>): void {
  writeFileSync(join(dir, 'smallchange.db'), database);
  writeFileSync(join(dir, 'smallchange.db-wal'), journal);
}

/** The archiver between a memory engine and a real Postgres: everything once, in order, whatever happens to it on the way. */
import assert from 'node:assert/strict';
import { after, afterEach, describe, it } from 'node:test';
import type { Archive } from '../../src/archive/archive.ts';
import { withArchive } from '../../src/archive/histories.ts';
import { createMemoryEngine } from '../../src/engine/memory/engine.ts';
import { ArchiveUnavailable } from '../../src/errors.ts';
import { ALL, event, generousOptions, opener, TOKEN, textOf } from '../contract/engine/kit.ts';
import { startPostgres } from '../support/postgres-server.ts';
import { waitFor } from '../support/wait.ts';
import { archivedTexts, beginArchiver, endAll, openArchive, startArchiver, untilArchived } from './kit.ts';

const postgres = await startPostgres();
after(() => postgres.stop());
afterEach(endAll);

const open = opener(async (options) => {
  const engine = createMemoryEngine({ ...generousOptions, ...options });
  return { engine, close: () => engine.close() };
});

function numbers(first: number, last: number): string[] {
  return Array.from({ length: last - first + 1 }, (_, i) => `${first + i}`);
}

/** Of three writes one takes effect and says that nobody knows, and one does not take effect. */
function unreliable(archive: Archive): Archive {
  let writes = 0;
  return {
    ...archive,
    async write(...asked) {
      writes++;
      if (writes % 3 === 2) throw new ArchiveUnavailable('planted: not written');
      const written = await archive.write(...asked);
      if (writes % 3 === 1) throw new ArchiveUnavailable('planted: written');
      return written;
    },
  };
}

const isHole = ({ msg }: Record<string, unknown>) => `${msg}`.startsWith('the archive cannot follow');

describe('the archiver', () => {
  it('archives what there is and what comes, and lets the engine trim it', async () => {
    await using bench = await open({ historyMaxEvents: 2 });
    const archive = openArchive(postgres, postgres.newSchema(), 2);
    const [a, b] = [bench.channel(0), bench.channel(1)];
    await bench.put(a, '1', '2', '3');
    const { archiver } = await startArchiver(bench.engine, archive);
    await untilArchived(archive, a, 3);
    await bench.put(a, ...numbers(4, 1_500));
    await bench.put(b, ...numbers(1, 5));
    await untilArchived(archive, a, 1_500);
    await untilArchived(archive, b, 5);
    assert.deepEqual(await archivedTexts(archive, a), numbers(2, 1_500), 'from the oldest that was kept');
    assert.deepEqual(await archivedTexts(archive, b), numbers(1, 5));
    await waitFor(async () => (await bench.texts(a)).length === 2, { what: 'the history to be trimmed' });
    assert.equal((await bench.bounds(a)).archivedFrom, 2);
    await archiver.stop();
    await archive.close();
  });

  it('has every event once, whatever becomes of its writes', async () => {
    await using bench = await open({ historyMaxEvents: 5 });
    const archive = openArchive(postgres, postgres.newSchema(), 2);
    const channels = [bench.channel(0), bench.channel(0), bench.channel(1)];
    const { archiver, logged } = await startArchiver(bench.engine, unreliable(archive));
    for (let first = 1; first <= 200; first += 10) {
      for (const channel of channels) await bench.put(channel, ...numbers(first, first + 9));
    }
    for (const channel of channels) {
      const { head, base } = await bench.bounds(channel);
      await untilArchived(archive, channel, head);
      assert.equal(head - base, 200);
      assert.deepEqual(await archivedTexts(archive, channel), numbers(1, 200));
    }
    assert.ok(logged.some(({ msg }) => msg === 'not archived: trying again'));
    await archiver.stop();
    await archive.close();
  });

  it('is one of a shard, and another goes on when it stops', async () => {
    await using bench = await open();
    const schema = postgres.newSchema();
    const archives = [openArchive(postgres, schema, 2), openArchive(postgres, schema, 2)] as const;
    await archives[0].ready();
    const channel = bench.channel(0);
    const first = await startArchiver(bench.engine, archives[0]);
    await bench.put(channel, '1');
    await untilArchived(archives[0], channel, 1);
    const second = beginArchiver(bench.engine, archives[1]);
    await bench.put(channel, '2');
    await untilArchived(archives[0], channel, 2);
    assert.match(await second.metrics.registry.metrics(), /^smallchange_events_archived_total 0$/m);
    await first.archiver.stop();
    await bench.put(channel, '3');
    await untilArchived(archives[1], channel, 3);
    await second.archiver.stop();
    assert.deepEqual(await archivedTexts(archives[0], channel), ['1', '2', '3']);
    for (const archive of archives) await archive.close();
  });

  it('waits for an archive that is away, and loses nothing', async () => {
    await using bench = await open({ historyMaxEvents: 1 });
    const archive = openArchive(postgres, postgres.newSchema(), 2);
    const channel = bench.channel(0);
    const { archiver, logged, metrics } = await startArchiver(bench.engine, archive);
    await bench.put(channel, '1');
    await untilArchived(archive, channel, 1);
    await postgres.crash();
    await bench.put(channel, '2', '3');
    const told = async () =>
      /^smallchange_archive_backlog_bytes\{shard="0"\} [1-9]/m.test(await metrics.registry.metrics());
    await waitFor(told, { what: 'the backlog to be told' });
    await waitFor(() => logged.some(({ msg }) => msg === 'not archived: trying again'), { what: 'it to be noticed' });
    assert.deepEqual(await bench.texts(channel), ['2', '3']);
    await postgres.restart();
    await untilArchived(archive, channel, 3);
    await waitFor(() => logged.some(({ msg }) => msg === 'archiving goes on'), { what: 'it to be said' });
    assert.deepEqual(await archivedTexts(archive, channel), ['1', '2', '3']);
    await archiver.stop();
    await archive.close();
  });

  it('begins a log anew where the archive lacks what is not kept any more, and says so', async () => {
    await using bench = await open({ historyMaxEvents: 2 });
    const archive = openArchive(postgres, postgres.newSchema(), 2);
    const channel = bench.channel(0);
    const { archiver, logged } = await startArchiver(bench.engine, archive);
    await bench.put(channel, ...numbers(1, 10));
    await untilArchived(archive, channel, 10);
    await archiver.stop();
    // As an older copy of the archive is.
    const { epoch } = await bench.peek();
    const [log] = await archive.logsOf(0, [channel]);
    await archive.claim(0, 'test', null);
    await archive.write(0, 'test', {
      watermark: { epoch, rev: 0 },
      parts: [{ channel, log: log!, cutAbove: 4, events: [] }],
    });
    await archive.release(0, 'test');
    const again = beginArchiver(bench.engine, archive);
    await waitFor(() => again.logged.some(isHole), { what: 'the hole to be said' });
    await untilArchived(archive, channel, 10);
    assert.deepEqual(await archivedTexts(archive, channel), ['9', '10']);
    assert.ok(!logged.some(isHole));
    await again.archiver.stop();
    await archive.close();
  });

  it('tells the engine of what it does not have any more', async () => {
    await using bench = await open();
    const archive = openArchive(postgres, postgres.newSchema(), 2);
    const channel = bench.channel(0);
    await bench.put(channel, '1', '2');
    const { epoch, rev } = await bench.peek();
    await archive.ready();
    await archive.claim(0, 'test', null);
    const events = [event(1, '1'), event(2, 'another')];
    await archive.write(0, 'test', { watermark: { epoch, rev: rev - 1 }, parts: [{ channel, log: null, events }] });
    await archive.release(0, 'test');
    const { archiver } = await startArchiver(bench.engine, archive);
    await waitFor(async () => (await bench.peek()).epoch !== epoch, { what: 'another epoch' });
    await waitFor(async () => (await archivedTexts(archive, channel)).join() === '1,2', { what: 'the log as it is' });
    await archiver.stop();
    await archive.close();
  });

  it('begins another log for a channel that was forgotten and came again', async () => {
    await using bench = await open({ channelIdleMs: 0 });
    const archive = openArchive(postgres, postgres.newSchema(), 2);
    const channel = bench.channel(0);
    const { archiver, logged } = await startArchiver(bench.engine, archive);
    await bench.put(channel, '1', '2');
    await untilArchived(archive, channel, 2);
    await bench.forget(channel);
    await bench.put(channel, 'again');
    const { head } = await bench.bounds(channel);
    await untilArchived(archive, channel, head);
    const page = await archive.read(channel, 0, 10, 1_000);
    assert.deepEqual(page!.events.map(textOf), ['again']);
    assert.ok(!logged.some(isHole), 'nothing is missing');
    await archiver.stop();
    await archive.close();
  });

  it('goes on with the log of a channel that was silent for long, and all of it is there', async () => {
    await using bench = await open({ channelIdleMs: 20, keptMs: () => Number.POSITIVE_INFINITY });
    const archive = openArchive(postgres, postgres.newSchema(), 2);
    const channel = bench.channel(0);
    const { archiver, logged } = await startArchiver(bench.engine, archive);
    await bench.put(channel, ...numbers(1, 3));
    const { epoch } = await bench.bounds(channel);
    await untilArchived(archive, channel, 3);
    await bench.until('it to rest', async () => {
      await bench.peek();
      await bench.engine.sweep(0, TOKEN, ALL);
      return (await bench.texts(channel)).length === 1;
    });
    const histories = withArchive(bench.engine, archive, (error) => assert.fail(String(error)));
    const texts = async (offset: number) => {
      const page = await histories.readHistory(channel, { epoch, offset }, 10);
      return page.kind === 'events' ? page.events.map(textOf) : assert.fail(page.reason);
    };
    assert.deepEqual(await texts(0), numbers(1, 3), 'whoever was away for as long misses nothing');
    await bench.put(channel, '4');
    await untilArchived(archive, channel, 4);
    assert.deepEqual(await archivedTexts(archive, channel), numbers(1, 4));
    assert.deepEqual(await texts(1), numbers(2, 4));
    assert.ok(!logged.some(isHole), 'nothing is missing');
    await archiver.stop();
    await archive.close();
  });

  it('archives large changes, of which it remembers none', async () => {
    await using bench = await open({ historyMaxEvents: 3 });
    const archive = openArchive(postgres, postgres.newSchema(), 2);
    const channel = bench.channel(0);
    const { archiver } = await startArchiver(bench.engine, archive);
    const large = Array.from({ length: 12 }, (_, i) => `${i}`.padEnd(250_000, 'x'));
    for (const [i, text] of large.entries()) {
      await bench.put(channel, text);
      await untilArchived(archive, channel, i + 1);
    }
    assert.deepEqual(await archivedTexts(archive, channel), large);
    await archiver.stop();
    await archive.close();
  });

  it('leaves out no channel of a commit that has more than is read at once', async () => {
    await using bench = await open({ historyMaxEvents: 1 });
    const archive = openArchive(postgres, postgres.newSchema(), 2);
    const { archiver } = await startArchiver(bench.engine, archive);
    const channels = Array.from({ length: 7 }, () => bench.channel(0));
    const texts = ['a', 'b', 'c'].map((text) => text.padEnd(150_000));
    const { events: made } = await bench.peek();
    await bench.commit(
      0,
      channels.map((channel, i) => ({
        channel,
        events: texts.map((text, n) => event(made + texts.length * i + n + 1, text)),
      })),
    );
    for (const channel of channels) {
      await untilArchived(archive, channel, (await bench.bounds(channel)).head);
      assert.deepEqual(await archivedTexts(archive, channel), texts);
    }
    await archiver.stop();
    await archive.close();
  });

  it('leaves out no channel where more have changed than are told at once', async () => {
    await using bench = await open();
    const archive = openArchive(postgres, postgres.newSchema(), 2);
    const channels = Array.from({ length: 600 }, () => bench.channel(0));
    for (let i = 0; i < channels.length; i += 150) {
      await bench.commit(
        0,
        channels.slice(i, i + 150).map((channel, n) => ({ channel, events: [event(i + n + 1, 'x')] })),
      );
    }
    const { archiver } = await startArchiver(bench.engine, archive);
    for (const channel of channels) await untilArchived(archive, channel, (await bench.bounds(channel)).head);
    await archiver.stop();
    await archive.close();
  });
});

/** What tests of the archiver work with: an engine that is filled by commits, an archive in Postgres, and archivers between them. */
import assert from 'node:assert/strict';
import type { Archive } from '../../src/archive/archive.ts';
import { openPostgres } from '../../src/archive/postgres/archive.ts';
import { type Archiver, createArchiver } from '../../src/archiver/archiver.ts';
import { systemClock } from '../../src/clock.ts';
import type { Channel } from '../../src/domain/channel.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { createLogger } from '../../src/log.ts';
import { createMetrics, type Metrics } from '../../src/metrics.ts';
import { textOf } from '../contract/engine/kit.ts';
import type { PostgresServer } from '../support/postgres-server.ts';
import { waitFor } from '../support/wait.ts';

const ALL = 1_000_000;

export interface ArchiverUnderTest {
  readonly archiver: Archiver;
  readonly metrics: Metrics;
  readonly logged: readonly Record<string, unknown>[];
}

/** What a test that failed did not come to end. */
const running = new Set<() => Promise<void>>();

/** After each test: else the process of one that failed goes on for ever. */
export async function endAll(): Promise<void> {
  for (const end of [...running].reverse()) await end().catch(() => {});
}

function once(end: () => Promise<void>): () => Promise<void> {
  const ending = async () => {
    if (running.delete(ending)) await end();
  };
  running.add(ending);
  return ending;
}

export function openArchive(postgres: PostgresServer, schema: string, shards: number): Archive {
  const archive = openPostgres({ url: postgres.url, schema, migrates: true, shards });
  return { ...archive, close: once(() => archive.close()) };
}

/** Resolves when all shards are archived: from then on nothing is trimmed before. */
export async function startArchiver(
  engine: Engine,
  archive: Archive,
  backlogMaxBytes = 64 << 20,
): Promise<ArchiverUnderTest> {
  const started = beginArchiver(engine, archive, backlogMaxBytes);
  const { registry } = started.metrics;
  const isBegun = async () => (await registry.metrics()).includes(`smallchange_archived_shards ${engine.shards}`);
  await waitFor(isBegun, { what: 'the archiver to have its shards' });
  return started;
}

/** One that may have to wait. */
export function beginArchiver(engine: Engine, archive: Archive, backlogMaxBytes = 64 << 20): ArchiverUnderTest {
  const logged: Record<string, unknown>[] = [];
  const metrics = createMetrics();
  const log = createLogger({ logLevel: 'info' }, { write: (line: string) => void logged.push(JSON.parse(line)) });
  const archiver = createArchiver({ engine, archive, clock: systemClock, log, metrics, backlogMaxBytes });
  archiver.start();
  return { archiver: { ...archiver, stop: once(() => archiver.stop()) }, metrics, logged };
}

/** The texts of all events of a channel's current log, which must be contiguous. */
export async function archivedTexts(archive: Archive, channel: Channel): Promise<string[]> {
  const texts: string[] = [];
  for (let after = 0; ; ) {
    const page = await archive.read(channel, after, ALL, ALL);
    if (page === null || page.events.length === 0) return texts;
    for (const { offset } of page.events) {
      assert.ok(after === 0 || offset === after + 1, `${channel}: ${offset} follows ${after}`);
      after = offset;
    }
    texts.push(...page.events.map(textOf));
  }
}

export function untilArchived(archive: Archive, channel: Channel, head: number): Promise<unknown> {
  let seen: number | undefined;
  return waitFor(
    async () => {
      seen = (await archive.read(channel, 0, 0, 1))?.log.head;
      return seen === head;
    },
    { what: () => `${channel} to be archived up to ${head}: it is up to ${seen}` },
  );
}

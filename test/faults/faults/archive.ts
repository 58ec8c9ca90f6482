/** The archive's database crashed, stopped or cut off, and its archivers killed or frozen. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Fault, nothingToPutRight } from './fault.ts';
import { freeze, kill9 } from './processes.ts';

const needs = { archive: true };

const killArchiver: Fault = { ...kill9('archiver'), needs };

/** Past the time after which another takes its shards, or not. */
const freezeArchiver: Fault = { ...freeze('archiver'), lastsMs: [500, 9_000], needs };

const crashPostgres: Fault = {
  name: 'crash-postgres',
  hits: 'postgres',
  lastsMs: [100, 3_000],
  needs,
  async start({ postgres }, random) {
    const { server } = postgres!;
    await server.crash();
    const awayMs = random.int(3_000);
    return {
      detail: `away ${awayMs} ms more`,
      async stop() {
        await sleep(awayMs);
        await server.restart();
      },
    };
  },
};

const freezePostgres: Fault = {
  name: 'freeze-postgres',
  hits: 'postgres',
  lastsMs: [300, 6_000],
  longMs: 15_000,
  needs,
  async start({ postgres }) {
    await postgres!.server.pause();
    return { detail: '', stop: () => postgres!.server.resume() };
  },
};

const cutPostgres: Fault = {
  name: 'cut-postgres',
  hits: 'postgres',
  lastsMs: [100, 500],
  needs,
  async start({ postgres }) {
    await postgres!.server.cutConnections();
    return { detail: '', stop: nothingToPutRight };
  },
};

export const archiveFaults: readonly Fault[] = [
  killArchiver,
  freezeArchiver,
  crashPostgres,
  freezePostgres,
  cutPostgres,
];

/** The archive's database crashed, stopped or cut off, and its archivers killed or frozen. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Fault, nothingToPutRight, pickRole } from './fault.ts';

const needs = { archive: true };

const killArchiver: Fault = {
  name: 'kill-archiver',
  hits: 'archiver',
  lastsMs: [300, 2_000],
  needs,
  async start(lab, random) {
    const role = pickRole(lab, 'archiver', random);
    await role.child.kill9();
    return { detail: role.name, stop: () => role.ready() };
  },
};

/** SIGSTOP, past the time after which another takes its shards, or not: then it goes on as if nothing had been. */
const freezeArchiver: Fault = {
  name: 'freeze-archiver',
  hits: 'archiver',
  lastsMs: [500, 9_000],
  longMs: 30_000,
  needs,
  async start(lab, random) {
    const role = pickRole(lab, 'archiver', random);
    role.child.signal('SIGSTOP');
    return { detail: role.name, stop: async () => role.child.signal('SIGCONT') };
  },
};

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

/** Role processes that are killed, frozen, of another version, left without descriptors or lied to about the time. */
import { existsSync, readdirSync } from 'node:fs';
import { whyNoLastRelease } from '../../support/last-release.ts';
import { childrenOf } from '../../support/process.ts';
import { must } from '../fleet/ground.ts';
import type { RoleKind } from '../fleet/role.ts';
import { type Fault, nothingToPutRight, pickRole, pickStep } from './fault.ts';

const kinds: readonly RoleKind[] = ['bucket', 'merger', 'gateway'];

export function kill9(kind: RoleKind): Fault {
  return {
    name: `kill-${kind}`,
    hits: kind,
    lastsMs: [300, 2_000],
    async start(lab, random) {
      const role = pickRole(lab, kind, random);
      await role.child.kill9();
      return { detail: role.name, stop: () => role.ready() };
    },
  };
}

/** SIGSTOP: its connections stay open, its lease runs out, and then it goes on as if nothing had been. */
export function freeze(kind: RoleKind): Fault {
  return {
    name: `freeze-${kind}`,
    hits: kind,
    lastsMs: [500, 4_000],
    longMs: 30_000,
    async start(lab, random) {
      const role = pickRole(lab, kind, random);
      role.child.signal('SIGSTOP');
      return { detail: role.name, stop: async () => role.child.signal('SIGCONT') };
    },
  };
}

/** SIGSTOP of one of two workers, long enough for its supervisor to notice or not: it is replaced, or goes on. */
function freezeWorker(kind: RoleKind): Fault {
  return {
    name: `freeze-worker-${kind}`,
    hits: kind,
    lastsMs: [1_000, 25_000],
    needs: { workers: true },
    async start(lab, random) {
      const role = lab.of(kind).find(({ child }) => workersOf(child.pid).length > 0);
      if (role === undefined) return { detail: 'nobody had a worker', stop: nothingToPutRight };
      const { pid } = role.child;
      const worker = random.pick(workersOf(pid));
      process.kill(worker, 'SIGSTOP');
      return {
        detail: `${role.name}, ${worker}`,
        async stop() {
          if (workersOf(pid).includes(worker)) process.kill(worker, 'SIGCONT');
          await role.ready();
        },
      };
    },
  };
}

/** Of a role that is a supervisor; none of one that is not, or not there. */
function workersOf(pid: number | undefined): readonly number[] {
  return pid !== undefined && existsSync(`/proc/${pid}`) ? childrenOf(pid) : [];
}

/** SIGTERM: an orderly end, and another one comes. */
function restart(kind: RoleKind): Fault {
  return {
    name: `restart-${kind}`,
    hits: kind,
    lastsMs: [300, 2_000],
    async start(lab, random) {
      const role = pickRole(lab, kind, random);
      await role.child.hold('SIGTERM');
      role.child.release();
      return { detail: role.name, stop: () => role.ready() };
    },
  };
}

/** One descriptor is left for another connection; those that are open go on. */
function exhaustDescriptors(kind: RoleKind): Fault {
  return {
    name: `descriptors-${kind}`,
    hits: kind,
    lastsMs: [1_000, 4_000],
    async start(lab, random) {
      const role = pickRole(lab, kind, random);
      const { pid } = role.child;
      if (pid === undefined) return { detail: `${role.name} was not there`, stop: nothingToPutRight };
      const all = () => [pid, ...workersOf(pid)];
      const limit = (each: number, soft: number) => must('prlimit', '--pid', String(each), `--nofile=${soft}:`);
      for (const each of all()) limit(each, readdirSync(`/proc/${each}/fd`).length + 1);
      return {
        detail: role.name,
        async stop() {
          if (role.child.pid === pid) for (const each of all()) limit(each, 4_096);
        },
      };
    },
  };
}

/** One process of the last release among those of the head, and the head again. */
function otherVersion(kind: RoleKind): Fault {
  return {
    name: `version-${kind}`,
    hits: kind,
    lastsMs: [1_500, 6_000],
    needs: { lastRelease: true },
    async start(lab, random) {
      const role = pickRole(lab, kind, random);
      const become = async (main: string) => {
        await role.child.hold('SIGTERM');
        role.main = main;
        role.child.release();
      };
      const { main } = role;
      await become(lab.lastRelease!);
      return {
        detail: role.name,
        async stop() {
          await become(main);
          await role.ready();
        },
      };
    },
  };
}

/** The wall clock of one process is set off, and right again. */
function stepClock(kind: RoleKind): Fault {
  return {
    name: `clock-${kind}`,
    hits: `clock of ${kind}`,
    lastsMs: [1_500, 4_000],
    needs: { clocks: true },
    async start(lab, random) {
      const role = pickRole(lab, kind, random);
      const seconds = pickStep(random);
      lab.ground.setClock(role.name, seconds);
      return { detail: `${role.name} ${seconds} s`, stop: async () => lab.ground.setClock(role.name, 0) };
    },
  };
}

export const processFaults: readonly Fault[] = [
  ...kinds.map(kill9),
  ...kinds.map(freeze),
  ...(['bucket', 'gateway'] as const).map(freezeWorker),
  ...kinds.map(restart),
  ...kinds.map(exhaustDescriptors),
  ...kinds.map(stepClock),
  // Where only the newest commits were cloned there is no other.
  ...(whyNoLastRelease() === null ? kinds.map(otherVersion) : []),
];

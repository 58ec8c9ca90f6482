/** Role processes that are killed, frozen, left without descriptors or lied to about the time. */
import { readdirSync } from 'node:fs';
import { must } from '../fleet/ground.ts';
import type { RoleKind } from '../fleet/role.ts';
import { type Fault, nothingToPutRight, pickRole, pickStep } from './fault.ts';

const kinds: readonly RoleKind[] = ['bucket', 'merger', 'gateway'];

function kill9(kind: RoleKind): Fault {
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
function freeze(kind: RoleKind): Fault {
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
      const limit = (soft: string) => must('prlimit', '--pid', String(pid), `--nofile=${soft}:`);
      limit(String(readdirSync(`/proc/${pid}/fd`).length + 1));
      return {
        detail: role.name,
        async stop() {
          if (role.child.pid === pid) limit('4096');
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
  ...kinds.map(restart),
  ...kinds.map(exhaustDescriptors),
  ...kinds.map(stepClock),
];

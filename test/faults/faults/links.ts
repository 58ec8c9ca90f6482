/** Connections that are slow, silent, cut or closed to newcomers; replies that never come; packets that are lost. */
import type { RoleKind } from '../fleet/role.ts';
import type { Lab } from '../lab.ts';
import type { FaultProxy, Trouble } from '../proxy.ts';
import { type Fault, nothingToPutRight } from './fault.ts';

type Place = RoleKind | 'sending' | 'receiving';

/** All proxies of a place: between a kind of role and Redis, or between clients and servers. */
function proxiesAt(lab: Lab, place: Place): readonly FaultProxy[] {
  if (place === 'sending') return [lab.edges.bucket];
  if (place === 'receiving') return [lab.edges.gateway];
  return lab.of(place).map(({ link }) => link);
}

const places: readonly Place[] = ['bucket', 'merger', 'gateway', 'sending', 'receiving'];

function trouble(name: string, place: Place, lastsMs: Fault['lastsMs'], of: Partial<Trouble>): Fault {
  return {
    name: `${name}-${place}`,
    hits: `link of ${place}`,
    lastsMs,
    async start(lab, random) {
      const all = proxiesAt(lab, place);
      const hit = random.chance(0.5) ? all : [random.pick(all)];
      for (const proxy of hit) proxy.set(of);
      return {
        detail: `${hit.length} of ${all.length}`,
        async stop() {
          for (const proxy of hit) proxy.set();
        },
      };
    },
  };
}

function cut(place: Place): Fault {
  return {
    name: `cut-${place}`,
    hits: `link of ${place}`,
    lastsMs: [100, 500],
    async start(lab, random) {
      const hit = random.pick(proxiesAt(lab, place));
      const bytes = random.int(400);
      if (random.chance(0.5)) hit.cutAll(0.7);
      else hit.cutAfter(bytes);
      return { detail: `within ${bytes} bytes`, stop: nothingToPutRight };
    },
  };
}

/** `CLIENT KILL TYPE pubsub`, again and again: what is published meanwhile is gone. */
const killPubsub: Fault = {
  name: 'pubsub',
  hits: 'pubsub',
  lastsMs: [500, 2_000],
  async start(lab) {
    const kill = () => void lab.redis.cli('CLIENT', 'KILL', 'TYPE', 'pubsub').catch(() => undefined);
    kill();
    const timer = setInterval(kill, 100);
    return { detail: '10 a second', stop: async () => clearInterval(timer) };
  },
};

const losePackets: Fault = {
  name: 'packets',
  hits: 'packets',
  lastsMs: [2_000, 5_000],
  longMs: 15_000,
  needs: { network: true },
  async start(lab) {
    lab.ground.setLoss(5);
    return { detail: '5 %', stop: async () => lab.ground.setLoss(0) };
  },
};

export const linkFaults: readonly Fault[] = [
  ...places.map((place) => trouble('delay', place, [1_000, 4_000], { delayMs: 30, jitterMs: 120 })),
  ...places.map((place) => trouble('hole', place, [300, 4_000], { blackHole: true })),
  ...places.map((place) => trouble('refuse', place, [300, 2_000], { refuse: true })),
  ...places.map((place) => trouble('swallow', place, [1_000, 4_000], { swallow: 0.05 })),
  ...places.map((place) => trouble('chop', place, [1_000, 4_000], { cut: 0.05 })),
  ...places.map(cut),
  killPubsub,
  losePackets,
];

/**
 * Sentinels find the primary that our processes ask for by the same name; enough of them, on nodes apart, that one may be away; pods are
 * known by name, since their addresses change, and a name that is looked up in vain is not waited for; and a primary alone takes nothing.
 */
import { environmentOf } from '../environment.ts';
import { find, type Manifest } from '../manifests.ts';
import type { Pod } from '../pods.ts';
import { directivesIn, fileOf, otherThan, replicated } from '../redis-conf.ts';
import type { Installation, Rule } from '../rule.ts';
import { type Selector, selects } from '../selectors.ts';
import { ourContainers } from './environment.ts';

interface SetSpec {
  readonly serviceName?: string;
  readonly volumeClaimTemplates?: readonly unknown[];
}

const SETTINGS = {
  REDIS_MODE: () => 'sentinel',
  REDIS_SENTINEL_MASTER: ({ name }: Watched) => name,
  REDIS_WAIT_REPLICAS: () => '1',
};

interface Watched {
  readonly name: string | undefined;
  readonly host: string | undefined;
  readonly quorum: number;
}

export const sentinel: Rule = (whole) => {
  const sentinels = whole.pods.find(({ labels }) => labels['app.kubernetes.io/component'] === 'sentinel');
  const redis = whole.pods.find(({ labels }) => labels['app.kubernetes.io/component'] === 'redis');
  if (sentinels === undefined) return [];
  if (redis === undefined) return [`${sentinels.title}: there is no Redis to watch`];
  const text = fileOf(sentinels, whole.manifests, 'sentinel.conf');
  const [, name, host, quorum] = /^sentinel monitor (\S+) (\S+) \d+ (\d+)$/m.exec(text) ?? [];
  const watched = { name, host, quorum: Number(quorum) };
  return [
    ...watching(sentinels, watched, text),
    ...followed(redis, watched, whole.manifests),
    ...[sentinels, redis].flatMap((pod) => [...apart(pod), ...named(pod, whole.manifests), ...lookingUp(pod)]),
    ...asked(whole, watched),
  ];
};

function watching(pod: Pod, { quorum }: Watched, text: string): string[] {
  const { replicas = 1, workload } = pod;
  const found: string[] = [];
  if (!(replicas >= 3 && quorum > replicas / 2))
    found.push(`${quorum} of ${replicas} is no majority that outlives one`);
  if (!(workload.spec as SetSpec).volumeClaimTemplates?.length)
    found.push('no volume of its own: it would vote twice, and forget who the primary is');
  for (const name of ['resolve-hostnames', 'announce-hostnames']) {
    if (!text.includes(`\nsentinel ${name} yes\n`)) found.push(`sentinel.conf: ${name} is not yes: addresses change`);
  }
  return found.map((problem) => `${pod.title}: ${problem}`);
}

function followed(pod: Pod, { host }: Watched, manifests: readonly Manifest[]): string[] {
  const { replicas = 1, workload } = pod;
  const { serviceName } = workload.spec as SetSpec;
  const first = `${workload.metadata.name}-0.${serviceName}`;
  const directives = directivesIn(fileOf(pod, manifests, 'redis.conf', 'replicated.conf'));
  const found = otherThan({ ...replicated, 'replica-serve-stale-data': 'no' }, directives, 'replicated.conf');
  if (replicas < 3) found.push(`${replicas} of it: while one is away nothing is accepted`);
  if (host !== first) found.push(`Sentinels watch ${host}, and the first is ${first}`);
  return found.map((problem) => `${pod.title}: ${problem}`);
}

/** Two on one node go with it. */
function apart({ title, labels, spec }: Pod): string[] {
  const { affinity } = spec as {
    readonly affinity?: {
      readonly podAntiAffinity?: {
        readonly requiredDuringSchedulingIgnoredDuringExecution?: readonly {
          readonly topologyKey: string;
          readonly labelSelector?: Selector;
        }[];
      };
    };
  };
  const required = affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
  const isApart = required.some(
    ({ topologyKey, labelSelector }) => topologyKey === 'kubernetes.io/hostname' && selects(labelSelector, labels),
  );
  return isApart ? [] : [`${title}: two of it may be on one node`];
}

/** Before it is ready as well: it is not before others have found it. */
function named({ title, workload }: Pod, manifests: readonly Manifest[]): string[] {
  const { serviceName = '' } = workload.spec as SetSpec;
  const { publishNotReadyAddresses } = (find(manifests, 'Service', serviceName)?.spec ?? {}) as {
    readonly publishNotReadyAddresses?: boolean;
  };
  return publishNotReadyAddresses ? [] : [`${title}: has no name before it is ready (publishNotReadyAddresses)`];
}

/** By itself a resolver waits for five seconds (resolv.conf(5)), in the only thread of either. After two a Sentinel decides nothing for thirty. */
function lookingUp({ title, spec }: Pod): string[] {
  const { dnsConfig } = spec as {
    readonly dnsConfig?: { readonly options?: readonly { readonly name: string; readonly value?: string }[] };
  };
  const timeout = dnsConfig?.options?.find(({ name }) => name === 'timeout')?.value;
  return timeout === '1' ? [] : [`${title}: stands still for as long as a name is looked up (dnsConfig: timeout)`];
}

function asked({ manifests, pods }: Installation, watched: Watched): string[] {
  return ourContainers(pods).flatMap(([pod, container]) => {
    const env = environmentOf(container, manifests);
    return Object.entries(SETTINGS)
      .map(([name, wanted]) => [name, wanted(watched)] as const)
      .filter(([name, wanted]) => env.get(name) !== wanted)
      .map(([name, wanted]) => `${pod.title}: ${name} is not ${wanted}`);
  });
}

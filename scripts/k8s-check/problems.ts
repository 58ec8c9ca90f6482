/** Everything that is wrong with an installation: schemas first, then the rules. */
import type { Manifest } from './manifests.ts';
import { installation, type Rule } from './rule.ts';
import { archive } from './rules/archive.ts';
import { autoscaling } from './rules/autoscaling.ts';
import { capacity } from './rules/capacity.ts';
import { containers } from './rules/containers.ts';
import { disruption } from './rules/disruption.ts';
import { edge } from './rules/edge.ts';
import { environment } from './rules/environment.ts';
import { metrics } from './rules/metrics.ts';
import { network } from './rules/network.ts';
import { origins } from './rules/origins.ts';
import { redis } from './rules/redis.ts';
import { redisCluster } from './rules/redis-cluster.ts';
import { references } from './rules/references.ts';
import { restoring } from './rules/restoring.ts';
import { routes } from './rules/routes.ts';
import { secrets } from './rules/secrets.ts';
import { security } from './rules/security.ts';
import { selected } from './rules/selected.ts';
import { sentinel } from './rules/sentinel.ts';
import { services } from './rules/services.ts';
import { shutdown } from './rules/shutdown.ts';
import { watched } from './rules/watched.ts';
import { schemaProblems } from './schemas.ts';

const rules: readonly Rule[] = [
  containers,
  security,
  secrets,
  shutdown,
  environment,
  references,
  services,
  network,
  disruption,
  autoscaling,
  edge,
  redis,
  redisCluster,
  sentinel,
  metrics,
  origins,
  routes,
  selected,
  capacity,
  restoring,
  watched,
  archive,
];

export interface Part {
  /** A base or component that an overlay completes. */
  readonly isWhole: boolean;
}

export function problemsOf(manifests: readonly Manifest[], { isWhole }: Part): string[] {
  const malformed = manifests.flatMap(schemaProblems);
  // The rules trust the form of what they look at.
  if (malformed.length > 0) return malformed;
  const whole = installation(manifests, isWhole);
  return rules.flatMap((rule) => rule(whole));
}

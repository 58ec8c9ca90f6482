/**
 * The schema of each kind that is used here, Kubernetes' own and those of the Prometheus operator: compiled from their published
 * definitions by the packages `kubernetes-models` and `@kubernetes-models/prometheus-operator`. No cluster is asked.
 */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { type Manifest, titleOf } from './manifests.ts';
import { httpRoute } from './shapes/gateway-api.ts';
import { redisCluster } from './shapes/redis-operator.ts';
import { type Shape, validatorFor } from './shapes/shape.ts';
import { unknownFields, type Validate, type ValidationError } from './unknown-fields.ts';

const require = createRequire(import.meta.url);

/** Where each apiVersion's schemas are: the package, and what their names begin with. */
const families: Readonly<Record<string, readonly [string, string]>> = {
  v1: ['kubernetes-models', 'IoK8sApiCoreV1'],
  'apps/v1': ['kubernetes-models', 'IoK8sApiAppsV1'],
  'batch/v1': ['kubernetes-models', 'IoK8sApiBatchV1'],
  'scheduling.k8s.io/v1': ['kubernetes-models', 'IoK8sApiSchedulingV1'],
  'autoscaling/v2': ['kubernetes-models', 'IoK8sApiAutoscalingV2'],
  'networking.k8s.io/v1': ['kubernetes-models', 'IoK8sApiNetworkingV1'],
  'policy/v1': ['kubernetes-models', 'IoK8sApiPolicyV1'],
  'monitoring.coreos.com/v1': ['@kubernetes-models/prometheus-operator', 'MonitoringCoreosComV1'],
};

/** Kinds whose schema is in no package that runs on Node 20. */
const shapes: Readonly<Record<string, Shape>> = {
  'gateway.networking.k8s.io/v1 HTTPRoute': httpRoute,
  'redis.redis.opstreelabs.in/v1beta2 RedisCluster': redisCluster,
};

/** One sentence per thing that is wrong with the form of the document. */
export function schemaProblems(manifest: Manifest): string[] {
  const title = titleOf(manifest);
  const validate = validatorOf(manifest);
  if (validate === undefined) return [`${title}: ${manifest.apiVersion} ${manifest.kind} has no schema here`];
  const unbroken = withUnbrokenData(manifest);
  const wrong = validate(unbroken) ? [] : (validate.errors ?? []).map((error) => `${title}${inWords(error)}`);
  return [...wrong, ...unknownFields(validate, manifest).map((path) => `${title}${path} is not a field there is`)];
}

/** Base64 may be broken into lines, as kustomize does; the compiled check of it does not know that. */
function withUnbrokenData(manifest: Manifest): Manifest {
  if (manifest.kind !== 'Secret') return manifest;
  const data = Object.entries((manifest.data ?? {}) as Record<string, string>);
  return { ...manifest, data: Object.fromEntries(data.map(([key, value]) => [key, value.replaceAll(/\s/g, '')])) };
}

function validatorOf({ apiVersion, kind }: Manifest): Validate | undefined {
  const shape = shapes[`${apiVersion} ${kind}`];
  if (shape !== undefined) return validatorFor(shape);
  const family = families[apiVersion];
  // The name becomes that of a file.
  if (family === undefined || !/^[A-Za-z]+$/.test(kind)) return undefined;
  const [name, prefix] = family;
  // By path: what the packages export are classes around these functions, which copy what they are given.
  const file = join(dirname(require.resolve(`${name}/package.json`)), '_schemas', `${prefix}${kind}.js`);
  try {
    return (require(file) as { validate: Validate }).validate;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}

function inWords({ instancePath, keyword, params }: ValidationError): string {
  const which = Object.values(params).flat().join(', ');
  return `${instancePath} breaks ${keyword}${which === '' ? '' : `: ${which}`}`;
}

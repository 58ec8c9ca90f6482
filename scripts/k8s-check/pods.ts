/** The pods an installation has: of each Deployment, StatefulSet and CronJob, the template its pods are made from. */
import { type Labels, type Manifest, ofKind, titleOf } from './manifests.ts';

export interface Probe {
  readonly httpGet?: { readonly path?: string; readonly port: number | string };
  readonly tcpSocket?: { readonly port: number | string };
  readonly exec?: { readonly command: readonly string[] };
}

interface Reference {
  readonly name: string;
  readonly key?: string;
  readonly optional?: boolean;
}

export interface EnvVar {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: {
    readonly secretKeyRef?: Reference;
    readonly configMapKeyRef?: Reference;
    readonly fieldRef?: { readonly fieldPath: string };
  };
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly imagePullPolicy?: string;
  readonly env?: readonly EnvVar[];
  readonly envFrom?: readonly { readonly configMapRef?: Reference; readonly secretRef?: Reference }[];
  readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[];
  readonly startupProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly lifecycle?: { readonly preStop?: { readonly sleep?: { readonly seconds: number } } };
  readonly resources?: { readonly requests?: Labels; readonly limits?: Labels };
  readonly securityContext?: {
    readonly allowPrivilegeEscalation?: boolean;
    readonly privileged?: boolean;
    readonly readOnlyRootFilesystem?: boolean;
    readonly capabilities?: { readonly add?: readonly string[]; readonly drop?: readonly string[] };
  };
}

export interface PodSpec {
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly enableServiceLinks?: boolean;
  readonly automountServiceAccountToken?: boolean;
  readonly terminationGracePeriodSeconds?: number;
  readonly hostNetwork?: boolean;
  readonly priorityClassName?: string;
  readonly securityContext?: {
    readonly runAsNonRoot?: boolean;
    readonly runAsUser?: number;
    readonly seccompProfile?: { readonly type: string };
  };
  readonly volumes?: readonly {
    readonly name: string;
    readonly configMap?: { readonly name: string };
    readonly secret?: { readonly secretName: string };
    readonly hostPath?: unknown;
    readonly persistentVolumeClaim?: { readonly claimName: string };
  }[];
}

export interface Pod {
  /** Of what makes it: `Deployment/smallchange-gateway`. */
  readonly title: string;
  readonly workload: Manifest;
  /** Undefined where somebody else decides how many there are. */
  readonly replicas: number | undefined;
  readonly labels: Labels;
  readonly spec: PodSpec;
}

interface JobSpec {
  readonly jobTemplate: { readonly spec: WorkloadSpec };
}

interface WorkloadSpec {
  readonly replicas?: number;
  readonly template: { readonly metadata?: { readonly labels?: Labels }; readonly spec: PodSpec };
}

export function podsOf(manifests: readonly Manifest[]): Pod[] {
  return ofKind(manifests, 'Deployment', 'StatefulSet', 'CronJob').map((workload) => {
    const spec = isJob(workload) ? (workload.spec as JobSpec).jobTemplate.spec : (workload.spec as WorkloadSpec);
    const { replicas, template } = spec;
    return {
      title: titleOf(workload),
      workload,
      replicas,
      labels: template.metadata?.labels ?? {},
      spec: template.spec,
    };
  });
}

/** Runs to its end, and then is no more. */
export function isJob({ kind }: Manifest): boolean {
  return kind === 'CronJob';
}

export function containersOf({ spec }: Pod): readonly Container[] {
  return [...(spec.initContainers ?? []), ...spec.containers];
}

/** Whether a port, by name or number, is one of the pod's. */
export function hasPort(pod: Pod, port: number | string): boolean {
  return containersOf(pod).some(({ ports }) =>
    ports?.some(({ name, containerPort }) => name === port || containerPort === port),
  );
}

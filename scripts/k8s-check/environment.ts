/** The environment a container will have, as far as the manifests tell it. */
import { find, type Manifest } from './manifests.ts';
import type { Container, EnvVar } from './pods.ts';

/** What a Secret holds that is not among the manifests is known to its owner only. */
export const SECRET = Symbol('secret');
export type Value = string | typeof SECRET;

/** As Kubernetes does it: `envFrom` in order, the later one wins, and `env` over all of them. */
export function environmentOf(container: Container, manifests: readonly Manifest[]): Map<string, Value> {
  const env = new Map<string, Value>();
  for (const { configMapRef, secretRef } of container.envFrom ?? []) {
    if (configMapRef)
      for (const [name, value] of Object.entries(dataOf(manifests, configMapRef.name))) env.set(name, value);
    if (secretRef)
      for (const [name, value] of Object.entries(secretsOf(manifests, secretRef.name))) env.set(name, value);
  }
  for (const each of container.env ?? []) env.set(each.name, valueOfVariable(each, manifests));
  return env;
}

function valueOfVariable({ value, valueFrom }: EnvVar, manifests: readonly Manifest[]): Value {
  const { configMapKeyRef, secretKeyRef, fieldRef } = valueFrom ?? {};
  if (configMapKeyRef) return dataOf(manifests, configMapKeyRef.name)[configMapKeyRef.key ?? ''] ?? '';
  if (secretKeyRef) return secretsOf(manifests, secretKeyRef.name)[secretKeyRef.key ?? ''] ?? SECRET;
  return value ?? fieldRef?.fieldPath ?? '';
}

function dataOf(manifests: readonly Manifest[], name: string): Record<string, string> {
  return (find(manifests, 'ConfigMap', name)?.data ?? {}) as Record<string, string>;
}

/** Decoded. */
export function secretsOf(manifests: readonly Manifest[], name: string): Record<string, string> {
  const { data = {}, stringData = {} } = (find(manifests, 'Secret', name) ?? {}) as {
    data?: Record<string, string>;
    stringData?: Record<string, string>;
  };
  const decoded = Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()] as const);
  return { ...Object.fromEntries(decoded), ...stringData };
}

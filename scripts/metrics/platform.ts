/**
 * Series that Kubernetes itself tells and our alerts ask for, with their labels: of the kubelet (`kubelet_`), of cAdvisor within it
 * (`container_`), and of kube-state-metrics (`kube_`). Source: their documentation of metrics.
 */
import { type Asked, askedFor } from './expression.ts';

export type PlatformSeries = Omit<Asked, 'series'> & { readonly name: string };

const ofVolume = ['namespace', 'persistentvolumeclaim'];
const ofContainer = ['namespace', 'pod', 'container'];

export const platformSeries: Readonly<Record<string, readonly string[]>> = {
  kubelet_volume_stats_available_bytes: ofVolume,
  kubelet_volume_stats_capacity_bytes: ofVolume,
  container_memory_working_set_bytes: ofContainer,
  kube_pod_container_resource_limits: [...ofContainer, 'resource'],
  kube_pod_container_status_restarts_total: ofContainer,
  kube_deployment_spec_replicas: ['namespace', 'deployment'],
  kube_statefulset_replicas: ['namespace', 'statefulset'],
  kube_statefulset_status_replicas_ready: ['namespace', 'statefulset'],
  kube_job_status_failed: ['namespace', 'job_name'],
  kube_cronjob_status_last_successful_time: ['namespace', 'cronjob'],
};

export function platformSeriesIn(expression: string): PlatformSeries[] {
  return askedFor(expression, /kubelet|container|kube/).map(({ series, matchers }) => ({ name: series, matchers }));
}

/**
 * An archive is written and read: where one is, somebody archives, every gateway and every merger reads, of the same database; and where there
 * are alerts at all, somebody is told before no more events may wait for it.
 */
import { environmentOf } from '../environment.ts';
import { type Manifest, ofKind, titleOf } from '../manifests.ts';
import type { Container, Pod } from '../pods.ts';
import type { Rule } from '../rule.ts';
import { configOf, ourContainers } from './environment.ts';
import { alertsOf } from './metrics.ts';

const URL_NAME = 'DATABASE_URL';
/** Who reads there, and what is missing else. */
const READERS: Readonly<Record<string, string>> = {
  gateway: 'who comes back late is not given what the archive has',
  merger: 'what Redis loses at a failover is not put back',
};
/** `… (smallchange_archive_backlog_bytes) > 1000`: with how many bytes it fires. */
const BACKLOG = /smallchange_archive_backlog_bytes\)? > (\d+)/;

export const archive: Rule = ({ manifests, pods, isWhole }) => {
  const all = ourContainers(pods);
  const archivers = all.filter(([pod]) => roleOf(pod) === 'archiver');
  const reading = all.filter(([, each]) => environmentOf(each, manifests).has(URL_NAME));
  if (archivers.length === 0) return reading.map(([{ title }]) => `${title}: has ${URL_NAME}, and nobody archives`);
  return [
    ...all
      .filter((each) => !reading.includes(each))
      .flatMap(([pod]) => {
        const missing = READERS[roleOf(pod) ?? ''];
        return missing === undefined ? [] : [`${pod.title}: has no ${URL_NAME}: ${missing}`];
      }),
    ...(new Set(reading.map(([, each]) => sourceOf(each))).size > 1
      ? [`${URL_NAME}: what reads has another than what archives`]
      : []),
    ...(isWhole ? archivers.flatMap((each) => untold(each, manifests)) : []),
  ];
};

function roleOf({ labels }: Pod): string | undefined {
  return labels['app.kubernetes.io/component'];
}

/** Of which Secret. Who only reads may be another user of the database, by another key. */
function sourceOf({ env = [] }: Container): string | undefined {
  return env.find(({ name }) => name === URL_NAME)?.valueFrom?.secretKeyRef?.name;
}

function untold([pod, each]: [Pod, Container], manifests: readonly Manifest[]): string[] {
  const rules = ofKind(manifests, 'PrometheusRule');
  const outcome = configOf(each, manifests);
  // What is wrong with its settings is said by another rule.
  if (rules.length === 0 || !outcome.ok) return [];
  const most = outcome.config.archiveBacklogMaxBytes;
  const limits = rules.flatMap(limitsOf);
  return [
    ...(limits.length === 0 ? [`${pod.title}: no alert before its backlog is full`] : []),
    ...limits
      .filter(({ bytes }) => bytes >= most)
      .map(({ title, bytes }) => `${title}: ${bytes} bytes are not below ARCHIVE_BACKLOG_MAX_BYTES, ${most}`),
  ];
}

function limitsOf(rules: Manifest): { readonly title: string; readonly bytes: number }[] {
  return alertsOf(rules).flatMap(({ alert, expr }) => {
    const bytes = BACKLOG.exec(expr)?.[1];
    return bytes === undefined ? [] : [{ title: `${titleOf(rules)}, ${alert}`, bytes: Number(bytes) }];
  });
}

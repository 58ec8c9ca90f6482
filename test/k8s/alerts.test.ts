/** Every alert fires when it is to, after the time it waits, and is over when its cause is: tried by `promtool test rules`. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parse } from 'yaml';
import type { Manifest } from '../../scripts/k8s-check/manifests.ts';
import { type Alert, alertsOf } from '../../scripts/k8s-check/rules/metrics.ts';
import { type Case, cases } from './alerts.ts';

type Groups = readonly { readonly name: string; readonly rules: readonly Alert[] }[];

const files = ['monitoring', 'redis-alerts', 'redis-backup', 'archive'].map(
  (component) => new URL(`../../k8s/components/${component}/rules.yaml`, import.meta.url),
);
const rules = files.map((file) => parse(readFileSync(file, 'utf8')) as Manifest);
const alerts = rules.flatMap(alertsOf);
const groups = rules.flatMap(({ spec }) => (spec as { readonly groups: Groups }).groups);

/** As promtool takes it: https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/ */
function testOf({ alert, series, firesAt, overAt, labels }: Case) {
  const { labels: own, annotations } = alerts.find((each) => each.alert === alert)!;
  const firing = { exp_labels: { namespace: 'here', ...labels, ...own }, exp_annotations: annotations };
  return {
    name: alert,
    interval: '1m',
    input_series: Object.entries(series).map(([name, values]) => ({ series: named(name), values })),
    alert_rule_test: [
      { eval_time: '1m', alertname: alert, exp_alerts: [] },
      { eval_time: firesAt, alertname: alert, exp_alerts: [firing] },
      { eval_time: overAt, alertname: alert, exp_alerts: [] },
    ],
  };
}

/** With the namespace that every series has. */
function named(series: string): string {
  return series.includes('{') ? series.replace('{', '{namespace="here",') : `${series}{namespace="here"}`;
}

describe('an alert', () => {
  let dir: string;
  before(() => {
    dir = mkdtempSync(join(tmpdir(), 'smallchange-alerts-'));
  });
  after(() => rmSync(dir, { recursive: true, force: true }));

  /** What promtool says is wrong; empty when all is as the cases say. */
  function tried(spec: unknown, chosen: readonly Case[]): string {
    writeFileSync(join(dir, 'rules.json'), JSON.stringify(spec));
    const suite = { rule_files: ['rules.json'], evaluation_interval: '1m', tests: chosen.map(testOf) };
    writeFileSync(join(dir, 'suite.json'), JSON.stringify(suite));
    const { status, stdout, stderr, error } = spawnSync('promtool', ['test', 'rules', join(dir, 'suite.json')], {
      encoding: 'utf8',
    });
    if (error) throw error;
    return status === 0 ? '' : stdout + stderr;
  }

  it('has a case here', () => {
    const tested = [...new Set(cases.map(({ alert }) => alert))].sort();
    assert.deepEqual(tested, alerts.map(({ alert }) => alert).sort());
  });

  it('fires when it is to, and is over when its cause is', () => {
    assert.equal(tried({ groups }, cases), '');
  });

  it('that never fires, or never ends, is noticed', () => {
    for (const expr of ['vector(0) > 1', 'vector(1)']) {
      const broken = groups.map((group) => ({ ...group, rules: group.rules.map((rule) => ({ ...rule, expr })) }));
      assert.match(tried({ groups: broken }, cases.slice(0, 1)), /FAILED/);
    }
  });
});

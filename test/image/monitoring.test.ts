/** What compose.yaml gives Prometheus and Grafana: right for them, about all of its processes, with the labels that are asked for. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { run } from '../package/packed.ts';
import { projectRoot } from '../support/program.ts';

const read = (path: string) => readFileSync(join(projectRoot, path), 'utf8');
const { services } = parse(read('compose.yaml'), { merge: true });
const prometheus = read('examples/compose/prometheus.yml');

interface Scrape {
  readonly job_name: string;
  readonly static_configs: readonly [{ readonly targets: readonly string[]; readonly labels: Record<string, string> }];
  readonly relabel_configs: readonly { readonly target_label: string }[];
}

const scrapes = parse(prometheus).scrape_configs as readonly Scrape[];

/** The source of what is mounted at `target`. */
function mounted(service: string, target: string): string {
  const volume = (services[service].volumes as readonly string[]).find((each) => each.split(':')[1] === target);
  assert.ok(volume, `${service} has nothing at ${target}`);
  return volume.split(':')[0]!;
}

describe('the monitoring of compose.yaml', () => {
  it('is right for promtool, with the rules as the container makes them', () => {
    const scratch = mkdtempSync(join(tmpdir(), 'smallchange-promtool-'));
    try {
      const [, make = ''] = /^(sed [^>]*)>/.exec(services.prometheus.command[0]) ?? [];
      const source = mounted('prometheus', '/etc/smallchange/rules.yaml');
      const made = run('sh', ['-ec', make.replace('/etc/smallchange/rules.yaml', source)], projectRoot);
      const rules = join(scratch, 'rules.yml');
      writeFileSync(rules, made);
      const config = join(scratch, 'prometheus.yml');
      writeFileSync(config, prometheus.replace('/tmp/smallchange-rules.yml', rules));
      const said = run('promtool', ['check', 'config', config], scratch);
      const alerts = made.match(/^ +- alert:/gm)!.length;
      assert.ok(alerts > 10 && said.includes(`SUCCESS: ${alerts} rules found`), said);
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  });

  it('asks each process at its admin port, under the job of its role', () => {
    const asked = scrapes.flatMap(({ job_name, static_configs: [{ targets, labels }] }) =>
      targets.map((target) => [target, job_name, labels.component]),
    );
    type Process = { image: string; environment: Record<string, string>; profiles?: string[] };
    // The box is there instead of them, and alone.
    const processes = Object.entries<Process>(services)
      .filter(([, { image, profiles }]) => image.startsWith('smallchange:') && profiles === undefined)
      .map(([name, { environment }]) => {
        const { ADMIN_PORT, ROLES } = environment;
        return [`${name}:${ADMIN_PORT}`, `smallchange-${ROLES}`, ROLES];
      });
    assert.deepEqual(asked.sort(), processes.sort());
  });

  it('has the labels by which the dashboard and the alerts ask', () => {
    const dashboard = mounted('grafana', '/var/lib/grafana/dashboards/smallchange.json');
    assert.equal(
      services.grafana.environment.GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH.split('/').pop(),
      'smallchange.json',
    );
    const asked = read(dashboard) + read('k8s/components/monitoring/rules.yaml');
    for (const { static_configs, relabel_configs } of scrapes) {
      const labels = [...Object.keys(static_configs[0].labels), ...relabel_configs.map((each) => each.target_label)];
      assert.deepEqual(labels.sort(), ['component', 'namespace', 'pod']);
      for (const label of labels) assert.match(asked, new RegExp(`\\b${label}\\b`), label);
    }
  });

  it('gives Grafana the data source and the folder that its files name', () => {
    const [datasource] = parse(
      read(mounted('grafana', '/etc/grafana/provisioning/datasources/smallchange.yaml')),
    ).datasources;
    assert.deepEqual([datasource.type, datasource.url], ['prometheus', 'http://prometheus:9090']);
    const [provider] = parse(
      read(mounted('grafana', '/etc/grafana/provisioning/dashboards/smallchange.yaml')),
    ).providers;
    mounted('grafana', `${provider.options.path}/smallchange.json`);
  });
});

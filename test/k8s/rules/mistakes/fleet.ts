/** Mistakes in what watches and sizes the fleet, and in what it keeps. Each is planted in an installation that is clean without it, and found. */
import assert from 'node:assert/strict';
import { findsMistakes, type Plot } from '../kit.ts';

findsMistakes('autoscaling', [
  [
    'a target there is not',
    (p) => {
      p.get('HorizontalPodAutoscaler', 'smallchange-bucket').spec.scaleTargetRef.name = 'bucket';
    },
    /there is no Deployment\/bucket/,
  ],
  [
    'two who say how many',
    (p) => {
      p.get('Deployment', 'smallchange-gateway').spec.replicas = 3;
    },
    /says its replicas/,
  ],
  [
    'a hasty end',
    (p) => {
      p.get('HorizontalPodAutoscaler', 'smallchange-gateway').spec.behavior.scaleDown.stabilizationWindowSeconds = 10;
    },
    /scales down within/,
  ],
  [
    'gateways filled to the brim',
    (p) => {
      p.get('ConfigMap', 'smallchange-gateway').data.MAX_STREAMS = '10000';
    },
    /10000 streams are over/,
  ],
  [
    'a metric there is not',
    (p) => {
      p.get('HorizontalPodAutoscaler', 'smallchange-gateway').spec.metrics[0].pods.metric.name = 'streams';
    },
    /there is no metric streams/,
  ],
]);

findsMistakes('redis', [
  [
    'an fsync a second',
    (p) => {
      const { data } = p.get('ConfigMap', 'smallchange-redis-conf');
      data['redis.conf'] = data['redis.conf'].replace(/^appendfsync always/m, 'appendfsync everysec');
    },
    /appendfsync is everysec/,
  ],
  [
    'eviction',
    (p) => {
      const { data } = p.get('ConfigMap', 'smallchange-redis-conf');
      data['redis.conf'] = data['redis.conf'].replace('policy noeviction', 'policy allkeys-lru');
    },
    /maxmemory-policy is allkeys-lru/,
  ],
  [
    'no room for a rewrite',
    (p) => {
      p.pod('StatefulSet', 'smallchange-redis').containers[0].resources = {
        requests: { cpu: 1, memory: '1Gi' },
        limits: { cpu: 1, memory: '1Gi' },
      };
    },
    /maxmemory is over/,
  ],
]);

findsMistakes('metrics', [
  [
    'an alert on nothing',
    (p) => {
      p.get('PrometheusRule', 'smallchange').spec.groups[0].rules[0].expr = 'smallchange_redis_down == 1';
    },
    /no metric smallchange_redis_down/,
  ],
  [
    'a label it does not have',
    (p) => {
      p.get('PrometheusRule', 'smallchange').spec.groups[0].rules[0].expr = 'smallchange_streams{shard="1"} > 1';
    },
    /smallchange_streams has no label shard/,
  ],
  [
    'a value it never has',
    (p) => {
      p.get('PrometheusRule', 'smallchange').spec.groups[0].rules[0].expr =
        'smallchange_events_merged_total{outcome="bad"} > 1';
    },
    /outcome is never bad/,
  ],
  [
    'a kind of server that no edge has',
    (p) => {
      p.get('PrometheusRule', 'smallchange').spec.groups[0].rules[0].expr =
        'smallchange_edge_servers{role="merger"} == 0';
    },
    /role is never merger/,
  ],
  [
    'no runbook',
    (p) => {
      delete p.get('PrometheusRule', 'smallchange').spec.groups[0].rules[0].annotations.runbook;
    },
    /no runbook/,
  ],
  [
    'a panel of nothing',
    (p) => {
      const { data } = p.get('ConfigMap', 'smallchange-dashboard');
      data['smallchange.json'] = data['smallchange.json'].replace(
        'smallchange_deliveries_total',
        'smallchange_delivered',
      );
    },
    /no metric smallchange_delivered/,
  ],
]);

findsMistakes('edge', [
  [
    'less time than it gives itself',
    (p) => {
      p.pod('Deployment', 'smallchange-edge').terminationGracePeriodSeconds = 60;
    },
    /grace of 60 s ends before/,
  ],
  [
    'streams that are silent for longer than it waits',
    (p) => {
      p.get('ConfigMap', 'smallchange-gateway').data.HEARTBEAT_MS = '120000';
    },
    /may be silent for 120 s/,
  ],
  [
    'more gateways than it has places for',
    (p) => {
      p.get('HorizontalPodAutoscaler', 'smallchange-gateway').spec.maxReplicas = 500;
    },
    /keeps 200 places for up to 500 pods of gateway/,
  ],
  [
    'a backend that looks only at whether a pod can be connected to',
    (p) => edgeText(p, / {2}http-check send [^\n]*\n(?= {2}server-template gateway)/, ''),
    /backend event_sources does not ask for \/readyz/,
  ],
  [
    'pods that go with the name service',
    (p) => edgeText(p, /hold timeout 1h/, 'hold timeout 30s'),
    /when the name service is away \(hold timeout\)/,
  ],
  [
    'a probe that a full edge does not answer',
    (p) => {
      p.container('smallchange-edge').livenessProbe = { tcpSocket: { port: 'http' } };
    },
    /a probe asks port http, which clients may fill/,
  ],
  [
    'an edge that is scaled when it is full',
    (p) => {
      p.get('HorizontalPodAutoscaler', 'smallchange-edge').spec.metrics[0].pods.target.averageValue = '19000';
    },
    /19000 connections are over 0\.7 of its 20000/,
  ],
  [
    'a limit whose name is misspelt',
    (p) => {
      p.get('ConfigMap', 'smallchange-limits').data.EDGE_REQUEST_PER_S = '10';
    },
    /EDGE_REQUEST_PER_S is read by nobody/,
  ],
  [
    'a limit that is no number',
    (p) => {
      p.get('ConfigMap', 'smallchange-limits').data.EDGE_REQUESTS_PER_S = '2k';
    },
    /EDGE_REQUESTS_PER_S is no whole number: 2k/,
  ],
]);

function edgeText(plot: Plot, from: RegExp, to: string): void {
  const { data } = plot.get('ConfigMap', 'smallchange-edge');
  assert.match(data['haproxy.cfg'], from);
  data['haproxy.cfg'] = data['haproxy.cfg'].replace(from, to);
}

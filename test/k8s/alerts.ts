/**
 * For each alert what is measured, minute by minute, until it fires and until it is over. Values are written as promtool has them:
 * `0x5` is 0 and five more of it, `0+60x5` rises by 60 a minute.
 */
export interface Case {
  readonly alert: string;
  /** Without `namespace`, which all have. */
  readonly series: Readonly<Record<string, string>>;
  readonly firesAt: string;
  readonly overAt: string;
  /** Those of the alert that fires, besides its own and `namespace`. */
  readonly labels?: Readonly<Record<string, string>>;
}

const edge = 'pod="edge-1"';
const volume = 'persistentvolumeclaim="data-smallchange-redis-0"';
const follower = 'persistentvolumeclaim="smallchange-redis-follower-smallchange-redis-follower-1"';
const leader = 'pod="smallchange-redis-leader-0",container="smallchange-redis-leader"';
const redis = 'pod="smallchange-redis-0",container="redis"';

export const cases: readonly Case[] = [
  {
    alert: 'SmallchangeRedisDown',
    series: { 'smallchange_redis_up{pod="a"}': '1x2 0x5 1x10', 'smallchange_redis_up{pod="b"}': '0x20' },
    firesAt: '5m',
    overAt: '10m',
  },
  {
    alert: 'SmallchangeRedisUnreachable',
    series: { 'smallchange_redis_up{pod="a"}': '1x2 0x5 1x10', 'smallchange_redis_up{pod="b"}': '1x20' },
    firesAt: '6m',
    overAt: '10m',
    labels: { pod: 'a' },
  },
  {
    alert: 'SmallchangeAcceptSlow',
    series: {
      'smallchange_accept_seconds_bucket{le="0.25"}': '0+600x5 3000x15 3000+600x20',
      'smallchange_accept_seconds_bucket{le="0.5"}': '0+600x40',
      'smallchange_accept_seconds_bucket{le="+Inf"}': '0+600x40',
    },
    firesAt: '15m',
    overAt: '35m',
  },
  {
    alert: 'SmallchangeMergeBehind',
    series: { smallchange_merge_lag_seconds: '0x2 3x20', smallchange_inbox_entries: '5x9 0x10' },
    firesAt: '6m',
    overAt: '12m',
  },
  {
    alert: 'SmallchangeInboxFilling',
    series: { 'smallchange_inbox_entries{shard="3"}': '0x2 60000x5 10x10' },
    firesAt: '5m',
    overAt: '10m',
    labels: { shard: '3' },
  },
  {
    alert: 'SmallchangeNothingMerged',
    series: {
      smallchange_changes_accepted_total: '0+60x30',
      'smallchange_events_merged_total{outcome="event"}': '0+60x3 180x10 180+60x20',
    },
    firesAt: '10m',
    overAt: '20m',
  },
  {
    alert: 'SmallchangeChangesUnreadable',
    series: { 'smallchange_events_merged_total{outcome="unreadable"}': '0x3 1x40' },
    firesAt: '6m',
    overAt: '30m',
  },
  {
    alert: 'SmallchangeChangesRefused',
    series: {
      'smallchange_events_merged_total{outcome="event"}': '0+60x60',
      'smallchange_events_merged_total{outcome="refused"}': '0x2 0+10x25 250x40',
    },
    firesAt: '20m',
    overAt: '40m',
  },
  {
    alert: 'SmallchangeGatewaysFull',
    // One that is new and empty keeps nobody from being told.
    series: {
      'smallchange_streams{component="gateway",pod="a"}': '100x2 990x6 100x20',
      'smallchange_max_streams{component="gateway",pod="a"}': '1000x30',
      'smallchange_streams{component="gateway",pod="new"}': '0x30',
      'smallchange_max_streams{component="gateway",pod="new"}': '100x30',
    },
    firesAt: '6m',
    overAt: '12m',
  },
  {
    alert: 'SmallchangeStreamsFell',
    series: { smallchange_streams: '5000x20 1000x30' },
    firesAt: '24m',
    overAt: '40m',
  },
  {
    alert: 'SmallchangeStreamsStalled',
    series: {
      'smallchange_streams_ended_total{reason="client"}': '0+60x90',
      'smallchange_streams_ended_total{reason="stalled"}': '0x2 0+30x40 1200x50',
    },
    firesAt: '35m',
    overAt: '70m',
  },
  {
    alert: 'SmallchangeEdgeFull',
    series: {
      [`smallchange_edge_connections{${edge}}`]: '10x2 95x6 10x20',
      [`smallchange_edge_max_connections{${edge}}`]: '100x30',
    },
    firesAt: '6m',
    overAt: '12m',
    labels: { pod: 'edge-1' },
  },
  {
    // Over h2 a connection has several streams: they can be too many before connections are.
    alert: 'SmallchangeEdgeFull',
    series: {
      [`smallchange_edge_connections{${edge}}`]: '10x30',
      [`smallchange_edge_max_connections{${edge}}`]: '100x30',
      [`smallchange_edge_streams{${edge},of="browsers"}`]: '5x2 50x6 5x20',
      [`smallchange_edge_streams{${edge},of="programs"}`]: '5x2 30x6 5x20',
      [`smallchange_edge_max_streams{${edge}}`]: '85x30',
    },
    firesAt: '6m',
    overAt: '12m',
    labels: { pod: 'edge-1' },
  },
  {
    alert: 'SmallchangeEdgeRefuses',
    series: { [`smallchange_edge_refused_total{${edge},reason="full"}`]: '0x2 0+120x15 1800x30' },
    firesAt: '15m',
    overAt: '30m',
    labels: { reason: 'full' },
  },
  {
    alert: 'SmallchangeEdgeServersGone',
    series: {
      [`smallchange_edge_servers{${edge},role="bucket"}`]: '2x30',
      [`smallchange_edge_servers{${edge},role="gateway"}`]: '2x2 0x5 2x20',
    },
    firesAt: '5m',
    overAt: '10m',
    labels: { pod: 'edge-1', role: 'gateway' },
  },
  {
    // promtool begins at 1970: 30 days, then 13, then renewed.
    alert: 'SmallchangeCertificateExpires',
    series: {
      [`smallchange_edge_certificate_expires_seconds{${edge}}`]: '2592000x5 1123200x80 2592000x40',
      'smallchange_edge_certificate_expires_seconds{pod="without TLS"}': '0x200',
    },
    firesAt: '80m',
    overAt: '100m',
    labels: { pod: 'edge-1' },
  },
  {
    alert: 'SmallchangeCertificateEnds',
    series: {
      [`smallchange_edge_certificate_expires_seconds{${edge}}`]: '1123200x5 86400x20 1123200x40',
      'smallchange_edge_certificate_expires_seconds{pod="without TLS"}': '0x200',
    },
    firesAt: '15m',
    overAt: '40m',
    labels: { pod: 'edge-1' },
  },
  {
    alert: 'SmallchangeCertificateRefused',
    series: { [`smallchange_edge_certificate_refused{${edge}}`]: '0x2 1x10 0x20' },
    firesAt: '10m',
    overAt: '20m',
    labels: { pod: 'edge-1' },
  },
  {
    alert: 'SmallchangeTargetDown',
    series: { 'up{job="smallchange-edge"}': '1x2 0x8 1x20', 'up{job="another"}': '0x30' },
    firesAt: '8m',
    overAt: '15m',
    labels: { job: 'smallchange-edge' },
  },
  {
    alert: 'SmallchangeRequestsFail',
    series: {
      'smallchange_problems_total{code="internal"}': '0x2 0+120x15 1800x30',
      'smallchange_problems_total{code="not_found"}': '0+600x50',
    },
    firesAt: '15m',
    overAt: '30m',
    labels: { code: 'internal' },
  },
  {
    alert: 'SmallchangeEventLoopLate',
    series: { 'nodejs_eventloop_lag_p99_seconds{job="smallchange-gateway"}': '0.01x2 0.7x10 0.01x20' },
    firesAt: '10m',
    overAt: '15m',
    labels: { job: 'smallchange-gateway' },
  },
  {
    alert: 'SmallchangeDescriptorsShort',
    series: {
      'process_open_fds{job="smallchange-gateway"}': '10x2 95x10 10x20',
      'process_max_fds{job="smallchange-gateway"}': '100x40',
    },
    firesAt: '10m',
    overAt: '15m',
    labels: { job: 'smallchange-gateway' },
  },
  {
    alert: 'SmallchangeRevocationsFull',
    series: { 'smallchange_revocations_fullest_page{pod="a"}': '0x2 950x5 0x10' },
    firesAt: '5m',
    overAt: '10m',
  },
  {
    alert: 'SmallchangeRevocationsUnheard',
    series: { 'smallchange_revocations_heard_ago_seconds{pod="a"}': '0x2 20x5 0x10' },
    firesAt: '5m',
    overAt: '10m',
    labels: { pod: 'a' },
  },
  {
    alert: 'SmallchangeRedisDiskFilling',
    series: {
      [`kubelet_volume_stats_available_bytes{${volume}}`]: '90x2 30x20 90x20',
      [`kubelet_volume_stats_capacity_bytes{${volume}}`]: '100x50',
    },
    firesAt: '20m',
    overAt: '30m',
    labels: { persistentvolumeclaim: 'data-smallchange-redis-0' },
  },
  {
    alert: 'SmallchangeRedisDiskFull',
    series: {
      [`kubelet_volume_stats_available_bytes{${volume}}`]: '90x2 10x5 90x20',
      [`kubelet_volume_stats_capacity_bytes{${volume}}`]: '100x50',
    },
    firesAt: '5m',
    overAt: '10m',
    labels: { persistentvolumeclaim: 'data-smallchange-redis-0' },
  },
  {
    alert: 'SmallchangeRedisMemoryHigh',
    series: {
      [`container_memory_working_set_bytes{${redis}}`]: '10x2 70x15 10x20',
      [`kube_pod_container_resource_limits{${redis},resource="memory"}`]: '100x40',
    },
    firesAt: '15m',
    overAt: '20m',
    labels: { pod: 'smallchange-redis-0' },
  },
  {
    // Of a Cluster that an operator runs.
    alert: 'SmallchangeRedisDiskFull',
    series: {
      [`kubelet_volume_stats_available_bytes{${follower}}`]: '90x2 10x5 90x20',
      [`kubelet_volume_stats_capacity_bytes{${follower}}`]: '100x50',
    },
    firesAt: '5m',
    overAt: '10m',
    labels: { persistentvolumeclaim: 'smallchange-redis-follower-smallchange-redis-follower-1' },
  },
  {
    alert: 'SmallchangeRedisMemoryHigh',
    series: {
      [`container_memory_working_set_bytes{${leader}}`]: '10x2 70x15 10x20',
      [`kube_pod_container_resource_limits{${leader},resource="memory"}`]: '100x40',
    },
    firesAt: '15m',
    overAt: '20m',
    labels: { pod: 'smallchange-redis-leader-0' },
  },
  {
    alert: 'SmallchangeRedisPodsMissing',
    series: {
      'kube_statefulset_replicas{statefulset="smallchange-sentinel"}': '3x40',
      'kube_statefulset_status_replicas_ready{statefulset="smallchange-sentinel"}': '3x2 2x12 3x20',
    },
    firesAt: '14m',
    overAt: '20m',
    labels: { statefulset: 'smallchange-sentinel' },
  },
  {
    alert: 'SmallchangeRedisRestarts',
    series: { [`kube_pod_container_status_restarts_total{${redis}}`]: '0x5 3x60' },
    firesAt: '10m',
    overAt: '45m',
    labels: { pod: 'smallchange-redis-0' },
  },
  {
    alert: 'SmallchangeBackupLate',
    series: { 'kube_cronjob_status_last_successful_time{cronjob="smallchange-redis-backup"}': '0x2180 130000x40' },
    firesAt: '2175m',
    overAt: '2190m',
  },
  {
    alert: 'SmallchangeArchiveBehind',
    series: {
      'smallchange_archive_backlog_bytes{pod="a",shard="3"}': '0x2 40000000x10 1000x20',
      'smallchange_archive_backlog_bytes{pod="a",shard="4"}': '30000000x40',
    },
    firesAt: '10m',
    overAt: '15m',
    labels: { shard: '3' },
  },
  {
    // One round that fails is tried again; of those that do not archive none fails.
    alert: 'SmallchangeArchiveFails',
    series: {
      'smallchange_archive_failures_total{pod="archiver"}': '0x2 0+60x12 720x30',
      'smallchange_archive_failures_total{pod="gateway"}': '0x50',
    },
    firesAt: '12m',
    overAt: '20m',
  },
  {
    // Both are gone; who has another role says 0 of itself.
    alert: 'SmallchangeShardsUnarchived',
    series: {
      'smallchange_archived_shards{pod="archiver-1"}': '40x2 stale _x9 40x20',
      'smallchange_archived_shards{pod="archiver-2"}': '24x2 stale _x9 24x20',
      'smallchange_archived_shards{pod="merger"}': '0x40',
      'smallchange_shards_held{pod="merger"}': '64x40',
      'smallchange_shards_held{pod="archiver-1"}': '0x40',
      'kube_deployment_spec_replicas{deployment="smallchange-archiver"}': '2x40',
      'kube_deployment_spec_replicas{deployment="smallchange-merger"}': '2x40',
    },
    firesAt: '8m',
    overAt: '15m',
  },
];

/**
 * What this process counts: one registry, one typed field per metric.
 *
 * On hot paths increment once per batch, not per change. No label ever takes a value that a client chose: the number
 * of series is bounded by this file.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** What became of an inbox entry in the merge. */
export const mergeOutcomes = ['event', 'absorbed', 'refused', 'repeat', 'unreadable'] as const;
export type MergeOutcome = (typeof mergeOutcomes)[number];

/** Why a connection that is no stream was closed by us. */
export const cutReasons = ['refused', 'room', 'unread'] as const;
export type CutReason = (typeof cutReasons)[number];

/** What limits there are of how much one may ask (`access/limits.ts`). */
export const limitNames = [
  ...(['streams_per_sub', 'streams_per_address', 'posts_per_sub', 'posts_per_address'] as const),
  ...(['failed_credentials', 'new_channels', 'sessions_per_sub', 'sessions_per_address'] as const),
] as const;
export type LimitName = (typeof limitNames)[number];

/** What a revocation names. */
export const revokedBy = ['jti', 'sub'] as const;

/** Something that only grows. */
export interface Count {
  inc(by?: number): void;
}

export interface Metrics {
  /** The exposition text of all of them, and its content type. */
  readonly registry: Registry;
  readonly streams: Gauge;
  readonly maxStreams: Gauge;
  /** Those that wait; they share `maxStreams` with the streams. */
  readonly polls: Gauge;
  readonly refusals: Counter<'code'>;
  /** Channels that somebody reads, or has read a moment ago. */
  readonly hubs: Gauge;
  readonly idleHubs: Gauge;
  /** What the hubs hold of their channels, bytes. */
  readonly ringBytes: Gauge;
  /** States kept for those who ask next, bytes. */
  readonly keptStateBytes: Gauge;
  /** Answers of more than some KiB that their clients have not taken, bytes. */
  readonly unreadBytes: Gauge;
  readonly streamsEnded: Counter<'reason'>;
  readonly changesAccepted: Count;
  readonly eventsMerged: Counter<'outcome'>;
  readonly deliveries: Count;
  /** That this process merges. */
  readonly shardsHeld: Gauge;
  /** Per shard, as last seen by its merger; remove a shard's when its lease goes. */
  readonly inboxEntries: Gauge<'shard'>;
  /** Seconds from accepted to committed, of the oldest change of the last commit. */
  readonly mergeLag: Gauge;
  /** Seconds that the engine took to answer, once per batch of changes. */
  readonly acceptSeconds: Histogram;
  /** 1 while Redis answers, 0 while it does not. */
  readonly redisUp: Gauge;
  readonly problems: Counter<'code'>;
  readonly connectionsCut: Counter<'reason'>;
  readonly limited: Counter<'limit'>;
  readonly revocations: Counter<'by'>;
  /** That are in force, as far as this process knows. */
  readonly revocationsKept: Gauge;
  /** Of the page that has most. */
  readonly revocationsFullestPage: Gauge;
  /** Seconds. */
  readonly revocationsHeardAgo: Gauge;
  /** That this process archives. */
  readonly archivedShards: Gauge;
  readonly eventsArchived: Count;
  /** Rounds of a shard. */
  readonly archiveFailures: Count;
  /** Per shard, by its archiver: bytes, about. */
  readonly archiveBacklogBytes: Gauge<'shard'>;
}

/** From a local memory write to a store that barely keeps up; an answer later than 5 s is a failure in any case. */
const LATENCY_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const named = (name: string, help: string) => ({ name: `smallchange_${name}`, help, registers });
  collectDefaultMetrics({ register: registry });

  const eventsMerged = new Counter({
    ...named('events_merged_total', 'Inbox entries merged, by what became of them.'),
    labelNames: ['outcome'],
  });
  // A series that is there from the start can be alerted on before its first increment.
  for (const outcome of mergeOutcomes) eventsMerged.inc({ outcome }, 0);

  const connectionsCut = new Counter({
    ...named(
      'connections_cut_total',
      'Connections that are no streams, closed by this server for want of room or of progress.',
    ),
    labelNames: ['reason'],
  });
  for (const reason of cutReasons) connectionsCut.inc({ reason }, 0);

  const limited = new Counter({
    ...named('limited_total', 'Requests refused because one has asked for more than one may.'),
    labelNames: ['limit'],
  });
  for (const limit of limitNames) limited.inc({ limit }, 0);

  const revocations = new Counter({
    ...named('revocations_total', 'Revocations that this process was asked for and has made.'),
    labelNames: ['by'],
  });
  for (const by of revokedBy) revocations.inc({ by }, 0);

  return {
    registry,
    streams: new Gauge(named('streams', 'Streams open now.')),
    maxStreams: new Gauge(named('max_streams', 'Streams this process can hold.')),
    polls: new Gauge(named('polls', 'Polls that wait now.')),
    refusals: new Counter({
      ...named('refusals_total', 'Streams and polls refused, politely or with 503.'),
      labelNames: ['code'],
    }),
    hubs: new Gauge(named('hubs', 'Channels that a gateway follows.')),
    idleHubs: new Gauge(named('idle_hubs', 'Channels that it follows without a reader, for one who comes back.')),
    ringBytes: new Gauge(named('ring_bytes', 'Recent events that a gateway holds for its readers.')),
    keptStateBytes: new Gauge(named('kept_state_bytes', 'States that a gateway holds for those who ask next.')),
    unreadBytes: new Gauge(
      named('unread_answer_bytes', 'Answers that are larger than 64 KiB, and that clients have not taken.'),
    ),
    streamsEnded: new Counter({ ...named('streams_ended_total', 'Streams ended.'), labelNames: ['reason'] }),
    changesAccepted: new Counter(named('changes_accepted_total', 'Changes answered with 204.')),
    eventsMerged,
    deliveries: new Counter(named('deliveries_total', 'Events written to streams, once per stream.')),
    shardsHeld: new Gauge(named('shards_held', 'Shards that this process merges.')),
    inboxEntries: new Gauge({
      ...named('inbox_entries', 'Changes accepted and not yet merged.'),
      labelNames: ['shard'],
    }),
    mergeLag: new Gauge(named('merge_lag_seconds', 'Accepted to committed, of the oldest change of the last commit.')),
    acceptSeconds: new Histogram({
      ...named('accept_seconds', 'How long the engine took to accept a batch of changes.'),
      buckets: LATENCY_SECONDS,
    }),
    redisUp: new Gauge(named('redis_up', 'Whether Redis answers; of a Cluster, each primary.')),
    problems: new Counter({
      ...named('problems_total', 'Requests answered with a problem.'),
      labelNames: ['code'],
    }),
    connectionsCut,
    limited,
    revocations,
    revocationsKept: new Gauge(named('revocations_kept', 'Revocations in force that this process knows.')),
    revocationsFullestPage: new Gauge(
      named('revocations_fullest_page', 'Of these, how many are on the fullest of the 16 pages that they are kept on.'),
    ),
    revocationsHeardAgo: new Gauge(
      named(
        'revocations_heard_ago_seconds',
        'Since it was looked for what was revoked, of the page where that is longest ago.',
      ),
    ),
    archivedShards: new Gauge(named('archived_shards', 'Shards that this process archives.')),
    eventsArchived: new Counter(named('events_archived_total', 'Events written to the archive.')),
    archiveFailures: new Counter(
      named(
        'archive_failures_total',
        'Rounds of a shard in which it could not be archived, and which are tried again.',
      ),
    ),
    archiveBacklogBytes: new Gauge({
      ...named('archive_backlog_bytes', 'Events in Redis that are not in the archive yet.'),
      labelNames: ['shard'],
    }),
  };
}

/** What each of our metrics tells somebody who watches the fleet; the names and their help are src/metrics.ts's. */
export const meanings: Readonly<Record<string, string>> = {
  smallchange_streams:
    'How full a gateway is. The autoscaler follows it. The sum is who is listening; a sudden fall is a network, an edge or a gateway that went.',
  smallchange_max_streams: 'What the number of streams is to be compared with; 0 where no gateway runs.',
  smallchange_polls: 'Long polls that wait. They share `MAX_STREAMS` with the streams.',
  smallchange_refusals_total:
    'Who was sent away to come back: `overloaded`, the gateway is full; `draining`, it goes; `engine_unavailable`, its store is away. Who was not let in: `unauthenticated`, `invalid_token`, `token_expired`, `token_revoked`, `forbidden`; `auth_unavailable`, the keys for tokens cannot be had. Who has asked for too much: `too_many_streams`, `too_many_failures`. Also those that are answered 200 for the sake of an EventSource, which no other metric counts.',
  smallchange_hubs: 'Channels that a gateway compares with the store: what comparing costs grows with it.',
  smallchange_idle_hubs: 'Of these, the ones that are kept for half a minute after their last reader; 10,000 at most.',
  smallchange_ring_bytes:
    'To be compared with `RING_MAX_BYTES`. Above it only where the last event of each channel that is read is more than that.',
  smallchange_kept_state_bytes: '16 MiB at most: states that are asked for often and do not change.',
  smallchange_unread_answer_bytes:
    '128 MiB at most. From 64 MiB on answers are short; at the bound, connections that take nothing are closed (`smallchange_connections_cut_total`), then answers are refused with 503.',
  smallchange_streams_ended_total:
    'Why streams end: `client` is theirs, `stalled` a reader that took nothing for `STREAM_STALL_MS`; `expired`, `narrowed`, `revoked` and `replaced` are over with what let them in; the other reasons are ours, and their clients come back at once.',
  smallchange_changes_accepted_total: 'The load of the fleet. Beside merged: what does not keep up waits in the inbox.',
  smallchange_events_merged_total:
    'What became of changes. `repeat` is clients sending again, as they should; `refused` is publishers doing something a reducer does not take; `unreadable` is never normal.',
  smallchange_deliveries_total:
    'The work of the gateways: changes times the listeners of their channels. CPU follows it.',
  smallchange_shards_held:
    'The share of each merger: of all of them together `SHARDS`, apart by one at most. Less together for longer than `MERGE_LEASE_MS`: nobody merges some. 0 at one of several: an older version, or one that does not reach Redis.',
  smallchange_inbox_entries:
    'What waits, by shard. Near 0 is normal. All shards grow: too few mergers, or Redis is slow. One grows: one busy channel.',
  smallchange_merge_lag_seconds:
    'How late listeners are. It keeps the value of the last commit: without new changes it says nothing about now.',
  smallchange_accept_seconds:
    'How long publishers wait for their 204, without the network: with `appendfsync always` the latency of a disk.',
  smallchange_redis_up: '0 at all processes: Redis, or one primary of a Cluster. 0 at one: its way there.',
  smallchange_connections_cut_total:
    'Who was in the way of others. `room`: idle ones, closed because the descriptors ran short; `refused`: new ones, because all the others were busy; `unread`: an answer that was not taken for `STREAM_STALL_MS`.',
  smallchange_limited_total:
    'Who asks for more than one may, by the limit ([limits.md](limits.md)). Some are a client with a fault, many an attack, or a limit that is too low for what the clients do.',
  smallchange_revocations_total:
    'What was asked of `POST /admin/revoke`, by what it named: at the process that was asked, beside the line in its log. Who is refused since is `token_revoked` in the problems.',
  smallchange_revocations_kept:
    'How much is revoked, the same at each process of a fleet up to 10 s. 16,000 at most; each goes `TOKEN_MAX_LIFETIME_S` and two minutes after it was made. A fall while nothing ends is a Redis that came back with less: what was lost has to be revoked again.',
  smallchange_revocations_fullest_page:
    '1,000 is the most a page can have: whose `sub` or `jti` belongs there is then answered 503 `revocations_full`.',
  smallchange_revocations_heard_ago_seconds:
    'Up to 5 while Redis answers; 0 without `AUTH=jwt`. From 9 on nobody is let in by a token or a session: 503 `auth_unavailable`. What is open goes on.',
  smallchange_archived_shards:
    'Of all archivers together it is `SHARDS`. Less for longer than 10 s: nobody archives the rest. 0 at one beside another is as it should be.',
  smallchange_events_archived_total:
    'What the archive gets. Over time as much as `smallchange_events_merged_total{outcome="event"}`.',
  smallchange_archive_failures_total:
    'The database is away, full or slow: the line `not archived` in the log says which. Redis keeps what is not archived.',
  smallchange_archive_backlog_bytes:
    'Near 0 while it keeps up. At `ARCHIVE_BACKLOG_MAX_BYTES` POSTs to that shard are answered 503.',
  smallchange_problems_total:
    'What clients are told went wrong. `inbox_full`, `engine_unavailable`, `auth_unavailable`, `overloaded` and `draining` are ours, `internal` is a bug, the rest are theirs.',
  smallchange_edge_connections:
    'How full an edge is. The autoscaler of the edge follows it. The edge fills before what is behind it when `EDGE_CONNECTIONS` is too low for the pods there are.',
  smallchange_edge_max_connections: '`EDGE_CONNECTIONS`, with which the number of connections is to be compared.',
  smallchange_edge_streams:
    'Who is listening through this edge: with an EventSource, or in another way. Over h2 a connection has several.',
  smallchange_edge_max_streams:
    '85 % of the connections: above it a stream is refused while requests that are over soon go on.',
  smallchange_edge_refused_total:
    'Who was told to come back: `address`, above what one address may; `full`, the edge has no place. Polite refusals are 200 everywhere else.',
  smallchange_edge_servers: '0: nobody answers, and each request gets a 503.',
  smallchange_edge_certificate_expires_seconds:
    'Of the certificate that clients are shown, whatever is in the file or the Secret. 0: not known, without TLS or without `certificate.lua`.',
  smallchange_edge_certificate_refused:
    '1: it does not fit its key, or is none; the one before it stays in use until it ends.',
};

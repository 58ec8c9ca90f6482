-- Names of channels are kept once; what belongs to one has its number. Events are in pieces, as the archive has them
-- (src/archive/packing.ts); `first` is an offset. A publisher's name is `<channel> <from>`.
CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;

-- Writes that are accepted and not in their tables yet, in the order in which they came (`thread.ts`).
CREATE TABLE log (id INTEGER PRIMARY KEY, packed BLOB NOT NULL);

CREATE TABLE shards (
  shard INTEGER PRIMARY KEY,
  epoch TEXT NOT NULL,
  rev INTEGER NOT NULL,
  events INTEGER NOT NULL,
  -- No position at or after it belongs to a channel that was forgotten, those in `forgotten` apart.
  forgotten INTEGER NOT NULL,
  -- Of the oldest row of its inbox so many changes are merged.
  taken INTEGER NOT NULL,
  -- What waits to be archived, where anything is to be.
  backlog_max_bytes INTEGER,
  backlog_events INTEGER,
  backlog_bytes INTEGER
);

-- The changes of one append that share a shard.
CREATE TABLE inbox (
  id INTEGER PRIMARY KEY,
  shard INTEGER NOT NULL,
  changes BLOB NOT NULL
);

CREATE TABLE channels (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  base INTEGER NOT NULL,
  head INTEGER NOT NULL,
  fold INTEGER NOT NULL,
  reducer TEXT NOT NULL,
  state_bytes INTEGER NOT NULL,
  rev INTEGER NOT NULL,
  used_ms REAL NOT NULL,
  archived INTEGER NOT NULL,
  archived_from INTEGER NOT NULL,
  -- The last event that told of others that were erased.
  erased INTEGER NOT NULL DEFAULT 0
);

-- In the order in which they came, so that those of many channels are few pages. `at_ms` is when, milliseconds since 1970.
CREATE TABLE events (
  id INTEGER PRIMARY KEY,
  channel INTEGER NOT NULL,
  first INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  piece BLOB NOT NULL
);
CREATE INDEX events_of ON events (channel, first);

CREATE TABLE fields (
  channel INTEGER NOT NULL,
  name TEXT NOT NULL,
  at INTEGER NOT NULL,
  bytes BLOB,
  PRIMARY KEY (channel, name)
) WITHOUT ROWID;

-- Of who was erased, by the hash of the name: up to where its events count no more in a state.
CREATE TABLE counted (
  channel INTEGER NOT NULL,
  tag TEXT NOT NULL,
  through INTEGER NOT NULL,
  PRIMARY KEY (channel, tag)
) WITHOUT ROWID;

CREATE TABLE publishers (name TEXT PRIMARY KEY, seq INTEGER NOT NULL, expires_ms REAL NOT NULL) WITHOUT ROWID;

-- Sessions, tickets and revocations (src/access/sessions).
CREATE TABLE passes (
  of INTEGER NOT NULL,
  name TEXT NOT NULL,
  text TEXT NOT NULL,
  until_ms REAL NOT NULL,
  PRIMARY KEY (of, name)
) WITHOUT ROWID;

CREATE TABLE forgotten (channel TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID;

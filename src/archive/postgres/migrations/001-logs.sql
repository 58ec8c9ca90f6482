-- What the archive belongs to: another number of shards is another fleet.
CREATE TABLE store (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  shards integer NOT NULL
);

-- Who writes a shard, and up to where it is archived. `beat` moves with each sign of life.
CREATE TABLE watermarks (
  shard integer PRIMARY KEY,
  token text NOT NULL,
  beat bigint NOT NULL,
  epoch text,
  rev bigint NOT NULL DEFAULT 0,
  -- How many events the shard had made, of which all are here; 0 where nobody knows.
  events bigint NOT NULL DEFAULT 0
);

-- A log of a channel; one of each channel is current.
CREATE TABLE logs (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  shard integer NOT NULL,
  channel text COLLATE "C" NOT NULL,
  epoch text NOT NULL,
  base bigint NOT NULL,
  head bigint NOT NULL,
  is_current boolean NOT NULL DEFAULT true,
  -- The log that lost these events.
  cut_from bigint REFERENCES logs,
  began_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX current_logs ON logs (channel) WHERE is_current;
-- Which channels began late: what a store may have lost altogether.
CREATE INDEX current_logs_by_base ON logs (shard, base) WHERE is_current;

-- Events `first_offset` to `last_offset` of a log, packed (packing.ts).
-- How long they are kept says the channel's name (ARCHIVE_DAYS); 0: for ever. What is kept for a time is in a table of its
-- own for each while (retention.ts), which is dropped as a whole.
CREATE TABLE pieces (
  log_id bigint NOT NULL REFERENCES logs,
  last_offset bigint NOT NULL,
  first_offset bigint NOT NULL,
  keep_days integer NOT NULL,
  archived_at timestamptz NOT NULL DEFAULT now(),
  events bytea NOT NULL,
  PRIMARY KEY (log_id, last_offset, keep_days, archived_at)
) PARTITION BY LIST (keep_days);
CREATE TABLE pieces_for_ever PARTITION OF pieces FOR VALUES IN (0);

-- In which logs a publisher has events.
CREATE TABLE senders (
  name text COLLATE "C" NOT NULL,
  log_id bigint NOT NULL REFERENCES logs,
  PRIMARY KEY (name, log_id)
);

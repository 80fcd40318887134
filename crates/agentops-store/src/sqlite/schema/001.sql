-- Times are microseconds since 1970, money is picodollars, `dict` is NULL for plain bytes, 0 for
-- zstd without a dictionary, else the dictionary's id.

CREATE TABLE migrations (version INTEGER PRIMARY KEY, checksum BLOB NOT NULL) STRICT;

-- `epoch` tells this database's revisions from those of another one.
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO meta VALUES ('epoch', lower(hex(randomblob(8))));

CREATE TABLE projects (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE keys (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  project INTEGER NOT NULL,
  hash BLOB NOT NULL UNIQUE,
  prefix TEXT NOT NULL,
  created_us INTEGER NOT NULL,
  revoked_us INTEGER
) STRICT;

CREATE TABLE secrets (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;

-- Names of events, models and agents' ids, once each.
CREATE TABLE names (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;

-- `rows` is how many events there were when it was trained.
CREATE TABLE dictionaries (
  id INTEGER PRIMARY KEY,
  rows INTEGER NOT NULL,
  bytes BLOB NOT NULL
) STRICT;

CREATE TABLE sessions (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  project INTEGER NOT NULL,
  id TEXT NOT NULL,
  start_us INTEGER NOT NULL,
  start_given INTEGER NOT NULL,
  end_us INTEGER,
  recovered INTEGER NOT NULL,
  end_state INTEGER NOT NULL,
  reason TEXT,
  tags TEXT NOT NULL,
  video TEXT,
  dropped TEXT NOT NULL,
  has_env INTEGER NOT NULL,
  actions INTEGER NOT NULL DEFAULT 0,
  llms INTEGER NOT NULL DEFAULT 0,
  tools INTEGER NOT NULL DEFAULT 0,
  errors INTEGER NOT NULL DEFAULT 0,
  prompt_tokens INTEGER NOT NULL DEFAULT 0,
  completion_tokens INTEGER NOT NULL DEFAULT 0,
  cached_read_tokens INTEGER NOT NULL DEFAULT 0,
  cached_write_tokens INTEGER NOT NULL DEFAULT 0,
  reasoning_tokens INTEGER NOT NULL DEFAULT 0,
  cost INTEGER NOT NULL DEFAULT 0,
  unpriced INTEGER NOT NULL DEFAULT 0,
  last_us INTEGER,
  UNIQUE (id, project)
) STRICT;
CREATE INDEX sessions_of_project ON sessions (project, start_us);
CREATE INDEX sessions_by_start ON sessions (start_us);

CREATE TABLE host_envs (session INTEGER PRIMARY KEY, dict INTEGER, body BLOB NOT NULL) STRICT;

CREATE TABLE session_models (
  session INTEGER NOT NULL,
  model INTEGER NOT NULL,
  calls INTEGER NOT NULL,
  prompt_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL,
  cost INTEGER NOT NULL,
  unpriced INTEGER NOT NULL,
  PRIMARY KEY (session, model)
) STRICT, WITHOUT ROWID;

CREATE TABLE agents (
  seq INTEGER PRIMARY KEY,
  session INTEGER NOT NULL,
  id TEXT NOT NULL,
  name TEXT,
  logs TEXT,
  UNIQUE (session, id)
) STRICT;

CREATE TABLE threads (
  seq INTEGER PRIMARY KEY,
  session INTEGER NOT NULL,
  id TEXT NOT NULL,
  agent TEXT,
  UNIQUE (session, id)
) STRICT;

CREATE TABLE logs (
  seq INTEGER PRIMARY KEY,
  session INTEGER NOT NULL,
  dict INTEGER,
  body BLOB NOT NULL
) STRICT;
CREATE INDEX logs_of_session ON logs (session);

-- Ids are BLOB for a UUID, else TEXT. `stub` holds the fields told by updates that came before
-- the creation, else NULL. Token counts are unsigned, kept bit by bit. The order of the columns
-- is that of their use: the body is last, so that lists do not read it.
CREATE TABLE events (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  session INTEGER NOT NULL,
  id ANY NOT NULL,
  parent ANY,
  agent INTEGER,
  kind INTEGER NOT NULL,
  name INTEGER,
  model INTEGER,
  start_us INTEGER NOT NULL,
  end_us INTEGER,
  status INTEGER NOT NULL,
  stub INTEGER,
  prompt_tokens INTEGER,
  completion_tokens INTEGER,
  cached_read_tokens INTEGER,
  cached_write_tokens INTEGER,
  reasoning_tokens INTEGER,
  cost INTEGER,
  cost_given INTEGER,
  dict INTEGER,
  body BLOB,
  UNIQUE (session, id)
) STRICT;
CREATE INDEX events_in_order ON events (session, start_us);
CREATE INDEX events_running ON events (session) WHERE status = 4;

-- Chat messages, once a session; bodies of events point here by seq.
CREATE TABLE messages (
  seq INTEGER PRIMARY KEY,
  session INTEGER NOT NULL,
  hash BLOB NOT NULL,
  dict INTEGER,
  body BLOB NOT NULL,
  UNIQUE (session, hash)
) STRICT;

-- What changed in which order, for those who follow.
CREATE TABLE changes (rev INTEGER PRIMARY KEY AUTOINCREMENT, session INTEGER NOT NULL) STRICT;

-- Batch ids that were answered, with the cost they were answered with.
CREATE TABLE requests (
  session INTEGER NOT NULL,
  key BLOB NOT NULL,
  cost INTEGER,
  at_us INTEGER NOT NULL,
  PRIMARY KEY (session, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX requests_by_time ON requests (at_us);

CREATE TABLE imports (
  directory TEXT PRIMARY KEY,
  segment INTEGER NOT NULL,
  offset INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Hourly sums by kind and name; `bucket` is the class of the latency, -1 while it runs, so that
-- the rows of an hour are also its histogram.
CREATE TABLE rollups (
  project INTEGER NOT NULL,
  hour INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  name INTEGER NOT NULL,
  bucket INTEGER NOT NULL,
  events INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  duration_us INTEGER NOT NULL,
  prompt_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL,
  cost INTEGER NOT NULL,
  unpriced INTEGER NOT NULL,
  PRIMARY KEY (project, hour, kind, name, bucket)
) STRICT, WITHOUT ROWID;

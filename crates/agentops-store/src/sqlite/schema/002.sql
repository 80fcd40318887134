-- Projects that may read a session they do not own.
CREATE TABLE readers (
  project INTEGER NOT NULL,
  session INTEGER NOT NULL,
  PRIMARY KEY (project, session)
) STRICT, WITHOUT ROWID;
CREATE INDEX readers_of_session ON readers (session);

-- Deleted sessions whose rows are still being taken away.
CREATE TABLE doomed (session INTEGER PRIMARY KEY, project INTEGER NOT NULL) STRICT;

-- Failed events are few and looked for across sessions.
CREATE INDEX events_failed ON events (seq) WHERE status IN (1, 2);

-- One-time links and the browsers that came by one, by the hash of what they show.
CREATE TABLE grants (
  hash BLOB PRIMARY KEY,
  purpose INTEGER NOT NULL,
  project INTEGER NOT NULL,
  expires_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

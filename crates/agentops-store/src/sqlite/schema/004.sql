-- Images that events show, once a session, by the SHA-256 of their bytes.
CREATE TABLE images (
  seq INTEGER PRIMARY KEY,
  session INTEGER NOT NULL,
  hash BLOB NOT NULL,
  body BLOB NOT NULL,
  UNIQUE (session, hash)
) STRICT;

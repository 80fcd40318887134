-- Token counts that no client told: 0 waits to be counted, 1 the prompt's was estimated, 2 the
-- completion's, 3 both, 4 there was nothing to count; NULL where clients told them.
ALTER TABLE events ADD COLUMN estimated INTEGER;
CREATE INDEX events_uncounted ON events (session) WHERE estimated = 0;

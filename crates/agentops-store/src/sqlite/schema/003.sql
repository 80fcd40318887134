-- Events that changed or went after they may have been indexed for the search, in that order. New
-- events need no row here: the index knows how far it is.
CREATE TABLE unsearched (n INTEGER PRIMARY KEY AUTOINCREMENT, event INTEGER NOT NULL) STRICT;

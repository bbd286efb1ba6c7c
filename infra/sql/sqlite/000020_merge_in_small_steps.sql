-- Every transaction that writes words merges a few pages of the index itself. FTS5's own merges write hundreds of pages
-- in one transaction, so they run only if the others cannot keep up.
INSERT INTO order_search (order_search, rank) VALUES ('automerge', 0);
INSERT INTO order_search (order_search, rank) VALUES ('usermerge', 8);
INSERT INTO order_search (order_search, rank) VALUES ('crisismerge', 64);

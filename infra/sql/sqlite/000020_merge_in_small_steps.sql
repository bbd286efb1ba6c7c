-- Every transaction that writes words merges a few pages of the index itself. FTS5's own merges write hundreds of pages
-- in one transaction.
INSERT INTO order_search (order_search, rank) VALUES ('automerge', 0);

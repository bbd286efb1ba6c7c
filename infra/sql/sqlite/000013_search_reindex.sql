-- Words are folded by another rule than before (fold.ts), and e-mail addresses, item codes and order ids have words too. The
-- orders that were stored before are gone through in the background (search-reindex.ts): states first, then stored orders
-- up to `until_seq`. The row goes when it is done. Blocks are made anew from the orders.
CREATE TABLE search_reindex (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  last_state_seq INTEGER NOT NULL,
  last_seq INTEGER NOT NULL,
  until_seq INTEGER NOT NULL
) STRICT;

INSERT INTO search_reindex
SELECT 1, 0, 0, (SELECT coalesce(max(seq), 0) FROM orders)
WHERE EXISTS (SELECT 1 FROM orders) OR EXISTS (SELECT 1 FROM order_states);

DELETE FROM search_blocks;
DELETE FROM search_block_terms;

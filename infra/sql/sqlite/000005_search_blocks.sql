-- The words of many orders in a row and which orders have them, in blocks that begin where the last one ended: what the
-- full-text index says, for a search whose words are common each and rare together. The index goes through the entries of
-- all of them one by one; here 16,384 orders of one word are 2 KiB at most. Blocks are written when there are orders
-- enough for one (search-blocks.ts); the orders after the last block are searched in the index alone.
CREATE TABLE search_blocks (
  first_seq INTEGER PRIMARY KEY CHECK (first_seq > 0),
  last_seq INTEGER NOT NULL CHECK (last_seq BETWEEN first_seq AND first_seq + 16383)
) STRICT;

-- `orders` is a set as order-set.ts packs it. Written before its block, whose row makes it valid. Not WITHOUT ROWID: a
-- look-up would pass through the sets of its neighbours.
CREATE TABLE search_block_terms (
  first_seq INTEGER NOT NULL,
  term TEXT NOT NULL,
  orders BLOB NOT NULL,
  PRIMARY KEY (first_seq, term)
) STRICT;

-- From which order on the full-text index has the word of its stretch of positions (search-text.ts); those that were
-- stored before have it after a rebuild.
CREATE TABLE search_stretches (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  from_seq INTEGER NOT NULL
) STRICT;

INSERT INTO search_stretches SELECT 1, coalesce(max(seq), 0) + 1 FROM orders;

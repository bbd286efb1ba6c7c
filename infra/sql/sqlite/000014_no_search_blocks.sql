-- The full-text index alone answers a search. The blocks of sets beside it go, and with them the position from which on
-- texts have the word of their stretch; that word stays in the index, and no query asks for it.
DROP TABLE search_blocks;
DROP TABLE search_block_terms;
DROP TABLE search_stretches;

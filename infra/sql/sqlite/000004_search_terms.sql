-- Every word of the full-text index once, with the mark of those in names; filters are not among them. Serves a search by
-- the beginnings of words: which words there are is read here, and the index is then asked for those words alone. Asked
-- for a beginning, it would first merge the entries of all that begin so. A word that no order has any more does no harm.
CREATE TABLE search_terms (term TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;

CREATE VIRTUAL TABLE temp.terms_so_far USING fts5vocab(main, 'order_search', 'row');
INSERT INTO search_terms SELECT term FROM temp.terms_so_far WHERE term NOT GLOB '¤*';
DROP TABLE temp.terms_so_far;

//! How routines are made in PostgreSQL, and called.

/// A procedure, and functions that write.
pub(crate) const ROUTINES: &str = "\
CREATE TABLE shelf (id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE log (line TEXT); \
CREATE TABLE stones (id INTEGER PRIMARY KEY, name TEXT); \
CREATE PROCEDURE add_book(number INTEGER, title TEXT) LANGUAGE sql AS \
 $f$ INSERT INTO shelf VALUES (number, title) $f$; \
CREATE FUNCTION note(what TEXT) RETURNS TEXT LANGUAGE plpgsql AS \
 $f$ BEGIN INSERT INTO log VALUES (what); RETURN what; END $f$; \
CREATE FUNCTION note_deep(what TEXT) RETURNS TEXT LANGUAGE sql AS \
 $f$ SELECT note(upper(what)) $f$; \
INSERT INTO shelf VALUES (1, 'Emma'), (2, 'Faust'); INSERT INTO stones VALUES (1, 'flint')";

pub(crate) const READ_COMMITTED: &str =
    "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED";
pub(crate) const CALL: &str = "CALL add_book(5, $1)";
pub(crate) const CALLS: [&str; 4] = [
    "CALL add_book(3, 'Iliad')",
    "CALL public.add_book(4, 'Dune')",
    "CALL add_book(number => 5, title => 'Ulysses')",
    "/* */ CALL \"add_book\" (6, lower('EMMA'))",
];
pub(crate) const SELECTS: [&str; 13] = [
    "SELECT note('a')",
    "SELECT note_deep('b')",
    "SELECT public.note('c')",
    "SELECT \"note\"('d')",
    "SELECT 1 WHERE note('e') IS NOT NULL",
    "SELECT * FROM note('f')",
    "SELECT name FROM stones ORDER BY note('g')",
    "SELECT count(*) FROM stones s, LATERAL note(s.name)",
    "SELECT (SELECT note('h'))",
    "WITH w AS MATERIALIZED (SELECT note('i') AS n) SELECT n FROM w",
    "SELECT coalesce(NULL, note('j'))",
    "SELECT note('k') UNION ALL SELECT 'x'",
    "VALUES (note('l'))",
];
pub(crate) const WRITES: [&str; 8] = [
    "INSERT INTO shelf VALUES (10, note('a'))",
    "INSERT INTO shelf SELECT 11, note('b')",
    "UPDATE shelf SET name = note('c') WHERE id = 10",
    "UPDATE shelf SET name = name || '?' WHERE id = 10 AND note('d') <> ''",
    "UPDATE shelf SET name = name || '.' WHERE id = 10 RETURNING note('e')",
    "DELETE FROM shelf WHERE id = 11 AND note('f') IS NOT NULL",
    "WITH w AS MATERIALIZED (SELECT note('g') AS n) \
     INSERT INTO shelf SELECT 12, n FROM w",
    "INSERT INTO shelf VALUES (10, 'x') ON CONFLICT (id) DO UPDATE SET name = note('h')",
];

//! How routines are made in MariaDB, and called.

/// A procedure, and functions that write.
pub(crate) const ROUTINES: &str = "\
CREATE TABLE shelf (id INTEGER PRIMARY KEY, name VARCHAR(40)); \
CREATE TABLE log (line VARCHAR(40)); \
CREATE TABLE stones (id INTEGER PRIMARY KEY, name VARCHAR(40)); \
CREATE PROCEDURE add_book(IN number INT, IN title VARCHAR(40)) \
 INSERT INTO shelf VALUES (number, title); \
CREATE FUNCTION note(what VARCHAR(40)) RETURNS VARCHAR(40) MODIFIES SQL DATA BEGIN \
 INSERT INTO log VALUES (what); RETURN what; END; \
CREATE FUNCTION note_deep(what VARCHAR(40)) RETURNS VARCHAR(40) MODIFIES SQL DATA \
 RETURN note(upper(what)); \
INSERT INTO shelf VALUES (1, 'Emma'), (2, 'Faust'); INSERT INTO stones VALUES (1, 'flint')";

pub(crate) const READ_COMMITTED: &str = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED";
pub(crate) const CALL: &str = "CALL add_book(5, ?)";
pub(crate) const CALLS: [&str; 3] = [
    "CALL add_book(3, 'Iliad')",
    "CALL `add_book` (4, concat('D', 'une'))",
    "/* */ CALL ADD_BOOK(5, (SELECT name FROM stones))",
];
pub(crate) const SELECTS: [&str; 9] = [
    "SELECT note('a')",
    "SELECT note_deep('b')",
    "SELECT `note`('c')",
    "SELECT 1 FROM stones WHERE note('d') IS NOT NULL",
    "SELECT name FROM stones ORDER BY note('e')",
    "SELECT (SELECT note('f'))",
    "SELECT coalesce(NULL, note('g'))",
    "SELECT note('h') UNION ALL SELECT 'x'",
    "VALUES (note('j'))",
];
pub(crate) const WRITES: [&str; 7] = [
    "INSERT INTO shelf VALUES (10, note('a'))",
    "INSERT INTO shelf SELECT 11, note('b')",
    "UPDATE shelf SET name = note('c') WHERE id = 10",
    "UPDATE shelf SET name = concat(name, '?') WHERE id = 10 AND note('d') <> ''",
    "DELETE FROM shelf WHERE id = 11 AND note('e') IS NOT NULL",
    "REPLACE INTO shelf SET id = 10, name = note('f')",
    "INSERT INTO shelf VALUES (10, 'x') ON DUPLICATE KEY UPDATE name = note('g')",
];

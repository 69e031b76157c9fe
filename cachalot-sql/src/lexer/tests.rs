use super::*;

fn texts(sql: &str, dialect: Dialect) -> Vec<&str> {
    lex(sql, dialect)
        .expect("text is whole")
        .iter()
        .map(|token| token.text)
        .collect()
}

#[test]
fn comments_follow_the_rules_of_the_dialect() {
    assert_eq!(
        texts("a/* b /* c */ d */e -- f\rg", Dialect::Postgres),
        ["a", "e", "g"]
    );
    assert_eq!(texts("a/* b /* c */ d", Dialect::Sqlite), ["a", "d"]);
    assert_eq!(
        texts("a # b\nc --d", Dialect::Mysql),
        ["a", "c", "-", "-", "d"]
    );
    assert_eq!(texts("a /* b", Dialect::Sqlite), ["a"]);
    assert!(lex("a /* b", Dialect::Postgres).is_none());
}

#[test]
fn strings_end_where_they_end_on_the_server() {
    assert_eq!(texts(r"'a\' b", Dialect::Postgres), [r"'a\'", "b"]);
    assert_eq!(texts(r"'a\' b'", Dialect::Mysql), [r"'a\' b'"]);
    assert_eq!(texts(r"E'a\' b' c", Dialect::Postgres), [r"E'a\' b'", "c"]);
    assert_eq!(texts("'it''s' x", Dialect::Sqlite), ["'it''s'", "x"]);
    assert_eq!(
        texts("$$a;b$$ $t$ $$ $t$ $1", Dialect::Postgres),
        ["$$a;b$$", "$t$ $$ $t$", "$1"]
    );
    assert_eq!(texts("a$b$c", Dialect::Postgres), ["a$b$c"]);
    assert!(lex("'a", Dialect::Mysql).is_none());
    assert!(lex(r"'a\'", Dialect::Mysql).is_none());
    assert!(lex("$$ a", Dialect::Postgres).is_none());
    assert!(lex("E'a'\n'\\' b'", Dialect::Postgres).is_none());
}

#[test]
fn a_backslash_whose_meaning_depends_on_a_setting_is_rejected() {
    // With `standard_conforming_strings` off, or `NO_BACKSLASH_ESCAPES`, other words are quoted.
    assert!(lex(r"'it\'s', b, 'it\'s'", Dialect::Postgres).is_none());
    assert!(lex(r"'\', b, \N, '\'", Dialect::Mysql).is_none());
    assert!(lex(r#""\", b, \N, "\""#, Dialect::Mysql).is_none());
    // A stray backslash: no server takes it in another way.
    assert_eq!(texts(r"'a\', 'b\'", Dialect::Postgres).len(), 3);
    assert_eq!(texts(r"'it\'s', 'a\\'", Dialect::Mysql).len(), 3);
    assert_eq!(texts(r"'a\', 'b\'", Dialect::Sqlite).len(), 3);
}

#[test]
fn numbers_end_where_they_end_on_the_server() {
    let ends = |sql, dialect| texts(sql, dialect).join("|");
    assert_eq!(
        ends("1.FOR .5FOR 1e2FOR", Dialect::Mysql),
        "1.|FOR|.5|FOR|1e2|FOR"
    );
    assert_eq!(
        ends("1FOR 0x1g db.12 db.1e5", Dialect::Mysql),
        "1FOR|0x1g|db|.|12|db|.|1e5"
    );
    assert_eq!(ends("1FOR t.a", Dialect::Postgres), "1|FOR|t|.|a");
    let number = lex("db.12", Dialect::Mysql).expect("text is whole")[2].kind;
    assert_eq!(number, TokenKind::Word);
}

#[test]
fn sqlite_skips_a_byte_order_mark() {
    let sql = "\u{feff}a \u{feff}b c\u{feff}d";
    assert_eq!(texts(sql, Dialect::Sqlite), ["a", "b", "c\u{feff}d"]);
}

#[test]
fn executable_comments_are_marked() {
    let tokens = lex("a /*!50001 b */ /*M!c*/ d", Dialect::Mysql).expect("text is whole");
    let marks: Vec<_> = tokens.iter().map(|t| (t.text, t.conditional)).collect();
    assert_eq!(
        marks,
        [("a", false), ("b", true), ("c", true), ("d", false)]
    );
    assert!(lex("/*! ' */ ' */", Dialect::Mysql).is_none());
    assert!(lex("/*! a; b */", Dialect::Mysql).is_none());
    assert_eq!(texts("/*! b */ a", Dialect::Sqlite), ["a"]);
}

#[test]
fn names_numbers_and_bind_parameters() {
    assert_eq!(
        texts("[a b].`c`.\"d\"", Dialect::Sqlite),
        ["[a b]", ".", "`c`", ".", "\"d\""]
    );
    assert_eq!(
        texts("1.5e-3 0xFF 2fast", Dialect::Mysql),
        ["1.5e-3", "0xFF", "2fast"]
    );
    assert_eq!(
        texts("?1 :a @b $c", Dialect::Sqlite),
        ["?1", ":a", "@b", "$c"]
    );
    assert_eq!(
        texts("@@session.x @`a b` @'c'", Dialect::Mysql),
        ["@@session.x", "@`a b`", "@'c'"]
    );
    assert_eq!(
        texts("a::int ? b", Dialect::Postgres),
        ["a", ":", ":", "int", "?", "b"]
    );
}

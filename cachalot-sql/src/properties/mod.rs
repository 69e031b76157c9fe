//! Property tests: random statements from a grammar, and random tokens.

mod expected;
mod grammar;
mod oracle;
mod render;

use std::{collections::BTreeSet, env};

use proptest::prelude::*;

use self::{
    expected::put_in,
    grammar::{COLUMNS, Sample, sample},
    render::pieces,
};
use super::{Analysis, Columns, Dialect, Writes, invariants::check};

fn any_dialect() -> impl Strategy<Value = Dialect> {
    proptest::sample::select(Dialect::ALL.to_vec())
}

fn any_sample() -> impl Strategy<Value = (Dialect, Sample)> {
    let of = |dialect| (Just(dialect), sample(dialect));
    prop_oneof![
        of(Dialect::Postgres),
        of(Dialect::Mysql),
        of(Dialect::Sqlite)
    ]
}

/// Tokens of all dialects, whole and broken ones.
const TOKENS: &str = "SELECT FROM WHERE users ( ( ) ) , . * ; JOIN ON AND NOT IN WITH AS RECURSIVE \
    INSERT INTO VALUES UPDATE SET DELETE MERGE USING CASE WHEN THEN END 1 1. 1e 0x 'a' \"b\" `c` [d] \
    $1 ? @v @@s @ := = :: ORDER BY UNION TABLE LATERAL NESTED count( position( CREATE TEMP BEGIN \
    COMMIT EXPLAIN PRAGMA COPY TRUNCATE set_config( FOR E'\\'' $$ /*! */ -- # U&\" x' ' \\ é \
    \u{feff} \0 XA DO LOAD REPLACE IS LOCK DECLARE EXECUTE";

/// Random tokens, with something between them or nothing.
fn random_tokens() -> impl Strategy<Value = String> {
    let tokens: Vec<_> = TOKENS.split_ascii_whitespace().collect();
    let tokens = proptest::collection::vec(proptest::sample::select(tokens), 0..40);
    let between = proptest::sample::select(vec![" ", "\n", ""]);
    (tokens, between).prop_map(|(tokens, between)| tokens.join(between))
}

/// The findings that must not depend on how a text is laid out.
fn findings(sql: &str, dialect: Dialect) -> String {
    let analysis = Analysis::of(sql, dialect);
    let statements = analysis.statements.iter().map(|statement| {
        let mut statement = statement.clone();
        statement.effects.clear();
        format!("{statement:?}")
    });
    statements.collect()
}

/// The pieces with white space and comments between them, and the keywords in another case.
fn laid_out(pieces: &[String], layout: &[u8], dialect: Dialect) -> String {
    let mut text = String::new();
    for (piece, choice) in pieces.iter().zip(layout.iter().cycle()) {
        text.push_str(match choice % 8 {
            0 => "\n",
            1 => "\t ",
            2 => " /* FROM secret; DELETE FROM t */ ",
            3 => " -- FROM secret '\n",
            4 if dialect == Dialect::Mysql => " # FROM secret\n",
            5 if piece == "(" || piece == "," => "",
            _ => " ",
        });
        let keyword = piece.chars().all(|c| c.is_ascii_uppercase());
        if keyword && choice & 8 != 0 {
            text.push_str(&piece.to_ascii_lowercase());
        } else {
            text.push_str(piece);
        }
    }
    text
}

/// A thousand cases, or as many as `PROPTEST_CASES` says.
fn config() -> ProptestConfig {
    let mut config = ProptestConfig {
        // A failing statement becomes a case of the corpus.
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    if env::var_os("PROPTEST_CASES").is_none() {
        config.cases = 1_000;
    }
    config
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_table_is_found((dialect, sample) in any_sample()) {
        let sql = pieces(&sample, dialect).join(" ");
        let put_in = put_in(&sample, dialect);
        let analysis = Analysis::of(&sql, dialect);
        prop_assert!(analysis.parsed, "{sql}");

        let reads = analysis.reads().iter().map(|table| &**table).collect();
        prop_assert!(put_in.certain.is_subset(&reads), "{put_in:?}\n{reads:?}\n{sql}");
        prop_assert!(reads.is_subset(&put_in.named), "{put_in:?}\n{reads:?}\n{sql}");
        if dialect == Dialect::Postgres {
            prop_assert!(put_in.by_the_book.is_subset(&reads), "{put_in:?}\n{reads:?}\n{sql}");
        }
        let written = match analysis.writes() {
            Writes::Nothing => Default::default(),
            Writes::Tables(tables) => tables.keys().map(|table| &**table).collect(),
            Writes::Everything => panic!("all of {sql} is understood"),
        };
        prop_assert_eq!(put_in.written, written, "{}", sql);
    }

    #[test]
    fn every_column_is_found((dialect, sample) in any_sample()) {
        let sql = pieces(&sample, dialect).join(" ");
        let expected = put_in(&sample, dialect).columns;
        let analysis = Analysis::of(&sql, dialect);
        for table in analysis.reads() {
            match analysis.columns(table) {
                Columns::Named(names) => {
                    let names: BTreeSet<_> = names.iter().map(|name| &**name).collect();
                    let least = expected.at_least(table);
                    prop_assert!(least.is_subset(&names), "{table}: {least:?}\n{names:?}\n{sql}");
                    prop_assert!(!expected.all.contains(&**table), "{table}\n{sql}");
                    let in_text = |name: &&str| COLUMNS.contains(name);
                    prop_assert!(names.iter().all(in_text), "{table}: {names:?}\n{sql}");
                }
                // A change has no columns that it uses.
                Columns::All => prop_assert!(
                    expected.perhaps_all.contains(&**table) || !matches!(sample, Sample::Query(_)),
                    "{table}\n{sql}"
                ),
            }
        }
    }

    #[test]
    fn layout_changes_nothing(
        (dialect, sample) in any_sample(),
        layout in proptest::collection::vec(any::<u8>(), 1..50),
    ) {
        let pieces = pieces(&sample, dialect);
        let (plain, odd) = (pieces.join(" "), laid_out(&pieces, &layout, dialect));
        prop_assert_eq!(findings(&plain, dialect), findings(&odd, dialect), "{}", odd);
    }

    #[test]
    fn any_text_can_be_analysed(dialect in any_dialect(), tokens in random_tokens(), text in any::<String>()) {
        check(&tokens, dialect);
        check(&text, dialect);
        check(&format!("SELECT a FROM t {tokens} {text}"), dialect);
    }
}

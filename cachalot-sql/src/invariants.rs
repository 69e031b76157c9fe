//! Invariants of the analysis that hold for any text.

use super::{
    Analysis, Columns, Dialect, Kind, Report, Writes,
    catalog::{Body, Definition},
    names,
};

/// Checks them for bytes, as text in every dialect.
///
/// # Panics
/// If an invariant does not hold.
pub fn analysis(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for dialect in Dialect::ALL {
        check(&text, dialect);
    }
}

/// Checks them for a text of a dialect.
pub(super) fn check(text: &str, dialect: Dialect) {
    let analysis = Analysis::of(text, dialect);
    if analysis.uncacheable().is_none() {
        assert!(analysis.writes().is_nothing());
        assert!(!analysis.reads().is_empty());
        assert_eq!(analysis.kind(), Kind::Select);
        assert_eq!(analysis.statements.len(), 1);
    }
    assert!(analysis.reads().is_sorted());
    for statement in &analysis.statements {
        for (table, used) in &statement.columns {
            assert!(statement.reads.contains(table));
            let Columns::Named(columns) = used else {
                panic!("a table of which all columns are used is not in the map");
            };
            let mut columns = columns.iter();
            assert!(columns.all(|name| name.is_ascii() && *name == names::folded(name)));
        }
    }
    for statement in &analysis.statements {
        for (table, keys) in &statement.keys {
            match &statement.writes {
                Writes::Nothing => assert!(statement.reads.contains(table)),
                Writes::Tables(tables) => assert!(tables.contains_key(table)),
                Writes::Everything => panic!("what may write all tables has no keys"),
            }
            assert!(!keys.is_empty());
            for (column, values) in keys.iter() {
                assert!(column.is_ascii() && *column == names::folded(column));
                assert!((1..=32).contains(&values.len()));
            }
        }
    }
    if let Writes::Tables(tables) = analysis.writes() {
        for changes in tables.values() {
            assert!(changes.events.update || changes.updated == Columns::NONE);
        }
    }
    // A lower-case letter may take more bytes than its upper-case one.
    let names = analysis.reads().iter().map(|name| name.len());
    assert!(names.sum::<usize>() <= text.len() * 2);
    let report = Report::from(&analysis);
    assert_eq!(report.cacheable, report.reason.is_none());
    // What the catalog of a database says is text like any other.
    let _ = Body::of(text, dialect);
    let _ = Definition::of_sqlite(text);
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    #[test]
    fn the_fuzz_corpus_holds() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/analysis");
        let mut count = 0;
        for file in fs::read_dir(&folder).expect("the corpus is there") {
            let path = file.unwrap().path();
            eprintln!("{}", path.display());
            super::analysis(&fs::read(path).unwrap());
            count += 1;
        }
        assert!(count >= 20, "{count} files in {}", folder.display());
    }
}

//! Values that the database takes for equal, or not, however they are written.

use super::{
    comparison::Comparison,
    kinds,
    statement::{Read, Sql, Write},
};

/// A type of key, rows with such keys, and the ways to write values.
pub(super) struct Kind {
    pub(super) declared: &'static str,
    pub(super) rows: &'static [&'static str],
    pub(super) values: Vec<Sql>,
}

impl Kind {
    /// A table of that type of key.
    fn table(&self, name: &str) -> String {
        format!(
            "CREATE TABLE {name} (k {} PRIMARY KEY, v INTEGER NOT NULL)",
            self.declared
        )
    }

    fn rows(&self, name: &str) -> String {
        let rows = self.rows.iter().enumerate();
        let rows: Vec<_> = rows.map(|(v, k)| format!("({k}, {v})")).collect();
        let rows = rows.join(", ");
        format!("DELETE FROM {name}; INSERT INTO {name} (k, v) VALUES {rows}")
    }

    fn reads(&self, name: &str) -> Vec<Read> {
        let read = |condition: &str, values: &[&Sql]| -> Read {
            let text = format!(
                "SELECT CAST(v AS TEXT) AS a, NULL AS b, NULL AS c FROM {name} WHERE {condition} ORDER BY 1"
            );
            Sql::around(&text, values).into()
        };
        let mut reads: Vec<_> = self.values.iter().map(|it| read("k = @", &[it])).collect();
        reads.extend(
            self.values
                .chunks(4)
                .filter(|some| some.len() > 1)
                .map(|some| {
                    let places = vec!["@"; some.len()].join(", ");
                    read(
                        &format!("k IN ({places})"),
                        &some.iter().collect::<Vec<_>>(),
                    )
                }),
        );
        reads.push(read("v >= 0", &[]));
        reads
    }
}

/// Rows are read by each value in each way, and changed so, by sessions with these settings.
#[track_caller]
pub(super) fn compare(kinds: &[Kind], before: &str, settings: &str) {
    let names = (0..).map(|number| format!("k{number}"));
    let named: Vec<_> = names.zip(kinds).collect();
    let mut schema = before.to_owned();
    for (name, kind) in &named {
        schema += &format!("{}; ", kind.table(name));
    }
    let mut tables = Comparison::of_schema(&schema, Vec::new());
    tables.set(settings);
    for (name, kind) in &named {
        let rows = kind.rows(name);
        tables.restore(&rows);
        tables.reads_instead(kind.reads(name));
        let others = kind.values.iter().cycle().skip(1);
        for (value, other) in kind.values.iter().zip(others) {
            let run = |tables: &mut Comparison, text: &str, values: &[&Sql]| {
                let text = text.replace("$t", name);
                let write: Write = Sql::around(&text, values).into();
                tables.run_built_by_type(&[vec![write.attempt()]]);
            };
            run(
                &mut tables,
                "UPDATE $t SET v = v + 10 WHERE k = @",
                &[value],
            );
            run(
                &mut tables,
                "UPDATE $t SET k = @ WHERE k = @",
                &[other, value],
            );
            run(&mut tables, "DELETE FROM $t WHERE k = @", &[other]);
            run(
                &mut tables,
                "INSERT INTO $t (k, v) VALUES (@, 77)",
                &[value],
            );
            tables.restore(&rows);
        }
    }
    tables.finish();
}

#[test]
fn k08_values_that_are_equal_are_taken_for_equal_however_they_are_written() {
    compare(&kinds::kinds(), kinds::BEFORE, "SELECT 1");
}

/// Values that a column takes as others.
#[test]
fn k08_values_that_do_not_fit_are_taken_for_what_is_stored() {
    compare(&kinds::too_large(), kinds::BEFORE, kinds::LENIENT);
}

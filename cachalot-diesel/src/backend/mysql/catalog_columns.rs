//! Which columns of the tables of MySQL and MariaDB are tracked.

use diesel::{
    QueryableByName,
    sql_types::{BigInt, Bool, Nullable, Text},
};

use crate::catalog::{
    declared::FoundKeys,
    tracked::{Class, Tracked, TrackedColumns},
};

/// The collations by which texts are equal only if their bytes are. The others ignore blanks at the end, or have
/// characters that a client's text must be converted to.
const BYTEWISE_COLLATIONS: [&str; 2] = ["utf8mb4_0900_bin", "utf8mb4_nopad_bin"];

/// A column of a table.
#[derive(QueryableByName)]
pub(super) struct ColumnRow {
    #[diesel(sql_type = Text)]
    pub(super) on_table: String,
    #[diesel(sql_type = Text)]
    pub(super) name: String,
    #[diesel(sql_type = Text)]
    pub(super) expression: String,
    #[diesel(sql_type = Text)]
    pub(super) kind: String,
    /// It is generated, or has an `ON UPDATE`.
    #[diesel(sql_type = Bool)]
    pub(super) also_updated: bool,
    /// With `unsigned`.
    #[diesel(sql_type = Text)]
    full_type: String,
    #[diesel(sql_type = Nullable<Text>)]
    collation_of: Option<String>,
    /// Characters, or bytes; 0 if it has no text.
    #[diesel(sql_type = BigInt)]
    length_of: i64,
    #[diesel(sql_type = Bool)]
    auto_increment: bool,
}

macro_rules! columns {
    ($($condition:literal)?) => {
        concat!(
            "SELECT TABLE_NAME AS on_table, COALESCE(GENERATION_EXPRESSION, '') AS expression, \
             COLUMN_NAME AS name, DATA_TYPE AS kind, COALESCE(GENERATION_EXPRESSION <> '', FALSE) \
              OR LOWER(EXTRA) LIKE '%on update%' AS also_updated, COLUMN_TYPE AS full_type, \
             COLLATION_NAME AS collation_of, \
             CAST(COALESCE(CHARACTER_MAXIMUM_LENGTH, 0) AS SIGNED) AS length_of, \
             COALESCE(LOWER(EXTRA) LIKE '%auto_increment%', FALSE) AS auto_increment \
             FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ?",
            $($condition,)?
            " LIMIT 18446744073709551615"
        )
    };
}

/// All columns of a database.
pub(super) const ALL_COLUMNS: &str = columns!();

/// Those that change with others, of type `TIME`, or of an index.
pub(super) const COLUMNS: &str = columns!(
    " AND (GENERATION_EXPRESSION <> '' \
     OR LOWER(EXTRA) LIKE '%on update%' OR DATA_TYPE = 'time' OR COLUMN_KEY <> '')"
);

impl ColumnRow {
    /// The column as a tracked one, if its type has a class. `unique`: it is the whole primary key.
    pub(super) fn tracked(&self, unique: bool) -> Option<(&str, Tracked)> {
        let class = self.class()?;
        Some((&*self.name, Tracked { class, unique }))
    }

    /// Tracks the column, which the program has declared.
    pub(super) fn add_declared(&self, found: &mut FoundKeys, tracked: &mut TrackedColumns) {
        found.add(&self.on_table, &self.name, self.class(), tracked);
    }

    /// If the SQL mode is not strict, and in an `INSERT IGNORE`, a value that does not fit is replaced by one
    /// that does. So the class has the limits of the type.
    fn class(&self) -> Option<Class> {
        let length = u64::try_from(self.length_of).ok();
        let kind = self.kind.to_ascii_lowercase();
        Some(match &*kind {
            "tinyint" => self.integer(8),
            "smallint" => self.integer(16),
            "mediumint" => self.integer(24),
            "int" => self.integer(32),
            "bigint" => self.integer(64),
            "date" => Class::Date,
            "uuid" => Class::Uuid,
            // At most so many bytes are at most so many characters. Further blanks are cut in any SQL mode.
            "varchar" if self.is_bytewise() => Class::Text { max: length },
            "varbinary" => Class::Bytes {
                min: 0,
                max: length,
            },
            // Shorter values are filled up.
            "binary" => Class::Bytes {
                min: length?,
                max: length,
            },
            _ => return None,
        })
    }

    fn integer(&self, bits: u32) -> Class {
        let class = if self.full_type.to_ascii_lowercase().contains("unsigned") {
            Class::unsigned(bits)
        } else {
            Class::signed(bits)
        };
        match class {
            // The server inserts the next number in place of zero.
            Class::Integer { max, .. } if self.auto_increment => Class::Integer { min: 1, max },
            class => class,
        }
    }

    fn is_bytewise(&self) -> bool {
        let collation = self.collation_of.as_deref().unwrap_or_default();
        BYTEWISE_COLLATIONS.contains(&collation)
    }
}

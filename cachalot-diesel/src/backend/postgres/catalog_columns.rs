//! Which columns of PostgreSQL's tables are tracked.

use diesel::{
    PgConnection, QueryResult, QueryableByName, RunQueryDsl,
    sql_types::{Array, Bool, Integer, Oid, Text},
};

use super::catalog_queries::{DECLARED_COLUMNS, IS_USER_SCHEMA};
use crate::{
    catalog::{
        declared::FoundKeys,
        tracked::{self, Class, Tracked, TrackedColumns},
    },
    policy::DeclaredKeys,
};

/// The columns of a relation's keys whose type can be tracked, as parallel arrays.
#[derive(QueryableByName)]
pub(super) struct KeyColumns {
    #[diesel(sql_type = Array<Text>)]
    key_names: Vec<String>,
    #[diesel(sql_type = Array<Oid>)]
    key_types: Vec<u32>,
    /// Their `atttypmod`.
    #[diesel(sql_type = Array<Integer>)]
    key_modifiers: Vec<i32>,
    #[diesel(sql_type = Array<Bool>)]
    key_unique: Vec<bool>,
}

/// A column that the program has declared as a key.
#[derive(QueryableByName)]
pub(super) struct DeclaredColumn {
    #[diesel(sql_type = Oid)]
    pub(super) relation: u32,
    #[diesel(sql_type = Text)]
    table_name: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Oid, column_name = "type")]
    kind: u32,
    /// Its `atttypmod`.
    #[diesel(sql_type = Integer)]
    modifier: i32,
    #[diesel(sql_type = Bool)]
    comparable: bool,
}

/// Loads the declared columns of all tables of these names.
pub(super) fn declared(
    conn: &mut PgConnection,
    declared: &DeclaredKeys,
) -> QueryResult<Vec<DeclaredColumn>> {
    let tables: Vec<&str> = declared.iter().map(|(table, _)| &**table).collect();
    if tables.is_empty() {
        return Ok(Vec::new());
    }
    let query = diesel::sql_query(format!("{DECLARED_COLUMNS}{IS_USER_SCHEMA}"));
    let mut columns: Vec<DeclaredColumn> = query.bind::<Array<Text>, _>(tables).load(conn)?;
    columns.retain(|column| declared.contains(&column.table_name, &column.name));
    Ok(columns)
}

impl DeclaredColumn {
    pub(super) fn add_to(&self, found: &mut FoundKeys, tracked: &mut TrackedColumns) {
        let class = class(self.kind, self.modifier).filter(|_| self.comparable);
        found.add(&self.table_name, &self.name, class, tracked);
    }
}

impl KeyColumns {
    pub(super) fn tracked(&self) -> TrackedColumns {
        let types = self.key_types.iter().zip(&self.key_modifiers);
        let columns = self.key_names.iter().zip(types).zip(&self.key_unique);
        tracked::named(columns.filter_map(|((name, (oid, modifier)), unique)| {
            let class = class(*oid, *modifier)?;
            let unique = *unique;
            Some((&**name, Tracked { class, unique }))
        }))
    }
}

/// The class of a type. Those whose equal values can differ have none, such as `char(n)` and `numeric`; domains
/// have an OID of their own.
fn class(oid: u32, modifier: i32) -> Option<Class> {
    Some(match oid {
        16 => Class::Bool,
        17 => Class::Bytes { min: 0, max: None },
        20 => Class::signed(64),
        21 => Class::signed(16),
        23 => Class::signed(32),
        25 => Class::Text { max: None },
        // The modifier is -1, or the number of characters and 4. Further blanks are cut.
        1043 => Class::Text {
            max: u64::try_from(modifier)
                .ok()
                .map(|modifier| modifier.saturating_sub(4)),
        },
        1082 => Class::Date,
        2950 => Class::Uuid,
        _ => return None,
    })
}

//! Which columns of PostgreSQL's tables are tracked.

use diesel::{
    QueryableByName,
    sql_types::{Array, Bool, Integer, Oid, Text},
};

use crate::catalog::tracked::{self, Class, Tracked, TrackedColumns};

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

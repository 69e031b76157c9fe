//! Surveys a database through the library.

use cachalot_diesel::{Cachalot, CacheConnection, CachedDsl as _, Outcome};
use diesel::{
    QueryResult,
    expression::QueryMetadata,
    query_builder::{QueryFragment, SqlQuery},
    sql_query,
    sql_types::Untyped,
};

use super::{Relation, Survey};
use crate::failure::chain;

/// Not cached by default, and written by migrations only.
const MIGRATIONS: &str = "__diesel_schema_migrations";

/// A column that no table has. Queries are only explained, so none has to exist.
const COLUMN: &str = "no_such_column";

/// A relation's name, the same quoted and qualified for SQL, and whether it is a table.
pub(super) type Named = (String, String, bool);

/// Explains a read of each relation, without running it.
pub(super) fn survey<C>(
    conn: &mut C,
    cache: &Cachalot,
    relations: QueryResult<Vec<Named>>,
) -> Result<Survey, String>
where
    C: CacheConnection,
    C::Backend: QueryMetadata<Untyped>,
    SqlQuery: QueryFragment<C::Backend>,
{
    let text_of = |error: diesel::result::Error| error.to_string();
    let mut survey = Survey::default();
    let relations = relations.map_err(text_of)?;
    cache.watch(conn).map_err(|error| chain(&error))?;
    for (name, written, is_table) in relations {
        if name == MIGRATIONS {
            continue;
        }
        let read = sql_query(format!("SELECT {COLUMN} FROM {written}"));
        let explanation = read.cached(conn).explain().map_err(text_of)?;
        let bypass = match explanation.outcome {
            Outcome::Bypass(reason) => Some(reason),
            _ => None,
        };
        let alone = format!("({COLUMN})");
        let mut dependencies = explanation.dependencies.iter();
        let told = dependencies.any(|table| table.ends_with(&alone));
        survey.relations.push(Relation {
            wide: is_table && bypass.is_none() && !told,
            name,
            is_table,
            bypass,
        });
    }
    survey.unanalyzable = cache.unanalyzable_code(conn).map_err(text_of)?;
    Ok(survey)
}

//! What a cache makes of a database, asked of the library itself.

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

/// Not cached unless somebody asks for it, and written by nothing but migrations.
const MIGRATIONS: &str = "__diesel_schema_migrations";

/// A relation's name, how a statement writes it, and whether it is a table.
pub(super) type Named = (String, String, bool);

/// Explains a read of each relation; none is read.
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
    let said = |error: diesel::result::Error| error.to_string();
    let mut survey = Survey::default();
    let relations = relations.map_err(said)?;
    cache.watch(conn).map_err(|error| chain(&error))?;
    for (name, written, is_table) in relations {
        if name == MIGRATIONS {
            continue;
        }
        let read = sql_query(format!("SELECT * FROM {written}"));
        let refused = match read.cached(conn).explain().map_err(said)?.outcome {
            Outcome::Bypass(reason) => Some(reason),
            _ => None,
        };
        survey.relations.push(Relation {
            name,
            is_table,
            refused,
        });
    }
    survey.opaque = cache.unanalyzable_code(conn).map_err(said)?;
    Ok(survey)
}

use diesel::{dsl::count, prelude::*};
use serde::{Deserialize, Serialize};

use crate::{
    database::Database,
    schema::{authors, comments, posts},
};

/// An author as a page shows one.
#[derive(Queryable, Selectable, Serialize)]
pub(crate) struct Author {
    id: i32,
    name: String,
    about: String,
}

/// An author as a visitor sends one.
#[derive(AsChangeset, Deserialize, Insertable)]
#[diesel(table_name = authors)]
pub(crate) struct Profile {
    pub(crate) name: String,
    pub(crate) about: String,
}

/// An author with what is counted over two joins.
#[derive(Queryable, Serialize)]
pub(crate) struct Numbers {
    id: i32,
    name: String,
    posts: i64,
    comments: i64,
}

pub(crate) fn all(db: &mut Database) -> QueryResult<Vec<Numbers>> {
    authors::table
        .left_join(posts::table.left_join(comments::table))
        .group_by(authors::id)
        .select((
            authors::id,
            authors::name,
            count(posts::id.nullable()).aggregate_distinct(),
            count(comments::id.nullable()),
        ))
        .order(authors::id)
        .load(db)
}

pub(crate) fn one(db: &mut Database, id: i32) -> QueryResult<Author> {
    authors::table
        .find(id)
        .select(Author::as_select())
        .first(db)
}

pub(crate) fn add(db: &mut Database, profile: &Profile) -> QueryResult<i32> {
    diesel::insert_into(authors::table)
        .values(profile)
        .execute(db)?;
    db.last_id()
}

pub(crate) fn edit(db: &mut Database, id: i32, profile: &Profile) -> QueryResult<usize> {
    diesel::update(authors::table.find(id))
        .set(profile)
        .execute(db)
}

use chrono::NaiveDateTime;
use diesel::{dsl::auto_type, prelude::*};
use serde::{Deserialize, Serialize};

use crate::{
    database::Database,
    schema::{authors, comments, posts, tags},
};

/// How many posts a page lists.
const PAGE: i64 = 10;

/// A post as a page shows one.
#[derive(Queryable, Selectable, Serialize)]
pub(crate) struct Post {
    id: i32,
    author_id: i32,
    title: String,
    body: String,
    written_at: NaiveDateTime,
}

/// A post in a list.
#[derive(Queryable, Serialize)]
pub(crate) struct Summary {
    id: i32,
    title: String,
    written_at: NaiveDateTime,
    author: String,
    comments: i64,
}

/// The text of a post, as its author sends it.
#[derive(AsChangeset, Deserialize, Insertable)]
#[diesel(table_name = posts)]
pub(crate) struct Text {
    pub(crate) title: String,
    pub(crate) body: String,
}

/// How many comments the post of the query around it has.
#[auto_type]
fn comment_count() -> _ {
    let of_post = comments::table.filter(comments::post_id.eq(posts::id));
    of_post.count().single_value().assume_not_null()
}

#[auto_type]
fn summaries() -> _ {
    let columns = (
        posts::id,
        posts::title,
        posts::written_at,
        authors::name,
        comment_count(),
    );
    posts::table.inner_join(authors::table).select(columns)
}

pub(crate) fn newest(db: &mut Database, page: i64) -> QueryResult<Vec<Summary>> {
    summaries()
        .order(posts::id.desc())
        .limit(PAGE)
        .offset(PAGE * page.saturating_sub(1).clamp(0, 1_000_000))
        .load(db)
}

pub(crate) fn most_discussed(db: &mut Database) -> QueryResult<Vec<Summary>> {
    summaries()
        .filter(comment_count().gt(0))
        .order((comment_count().desc(), posts::id.desc()))
        .limit(PAGE)
        .load(db)
}

pub(crate) fn of_author(db: &mut Database, author: i32) -> QueryResult<Vec<Summary>> {
    summaries()
        .filter(posts::author_id.eq(author))
        .order(posts::id.desc())
        .load(db)
}

pub(crate) fn tagged(db: &mut Database, label: &str) -> QueryResult<Vec<Summary>> {
    let posts_with_it = tags::table
        .filter(tags::label.eq(label))
        .select(tags::post_id);
    summaries()
        .filter(posts::id.eq_any(posts_with_it))
        .order(posts::id.desc())
        .load(db)
}

/// Not cached: two visitors rarely search for the same words, and each result would take the place
/// of one that is read again.
pub(crate) fn search(db: &mut Database, words: &str) -> QueryResult<Vec<Summary>> {
    let found = summaries()
        .filter(posts::title.like(format!("%{words}%")))
        .order(posts::id.desc())
        .limit(PAGE);
    cachalot_diesel::disabled(|| found.load(db))
}

/// A post with the name of its author.
pub(crate) fn one(db: &mut Database, id: i32) -> QueryResult<(Post, String)> {
    posts::table
        .inner_join(authors::table)
        .filter(posts::id.eq(id))
        .select((Post::as_select(), authors::name))
        .first(db)
}

pub(crate) fn labels(db: &mut Database, id: i32) -> QueryResult<Vec<String>> {
    tags::table
        .filter(tags::post_id.eq(id))
        .order(tags::label)
        .select(tags::label)
        .load(db)
}

/// A post and its tags, or neither.
pub(crate) fn publish(
    db: &mut Database,
    author: i32,
    text: &Text,
    labels: &[String],
) -> QueryResult<i32> {
    db.transaction(|db| {
        diesel::insert_into(posts::table)
            .values((posts::author_id.eq(author), text))
            .execute(db)?;
        let id = db.last_id()?;
        // A `MultiConnection` with SQLite inserts single rows.
        for label in labels {
            diesel::insert_into(tags::table)
                .values((tags::post_id.eq(id), tags::label.eq(label)))
                .execute(db)?;
        }
        Ok(id)
    })
}

pub(crate) fn edit(db: &mut Database, id: i32, text: &Text) -> QueryResult<usize> {
    diesel::update(posts::table.find(id)).set(text).execute(db)
}

/// A post and all that hangs on it, or nothing.
pub(crate) fn remove(db: &mut Database, id: i32) -> QueryResult<usize> {
    db.transaction(|db| {
        diesel::delete(comments::table.filter(comments::post_id.eq(id))).execute(db)?;
        diesel::delete(tags::table.filter(tags::post_id.eq(id))).execute(db)?;
        diesel::delete(posts::table.find(id)).execute(db)
    })
}

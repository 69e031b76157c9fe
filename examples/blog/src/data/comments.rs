use chrono::NaiveDateTime;
use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{database::Database, schema::comments};

/// A comment as a page shows one.
#[derive(Queryable, Selectable, Serialize)]
pub(crate) struct Comment {
    id: i32,
    name: String,
    body: String,
    written_at: NaiveDateTime,
}

/// A comment as a visitor sends one.
#[derive(Deserialize, Insertable)]
#[diesel(table_name = comments)]
pub(crate) struct Remark {
    pub(crate) name: String,
    pub(crate) body: String,
}

pub(crate) fn of_post(db: &mut Database, post: i32) -> QueryResult<Vec<Comment>> {
    comments::table
        .filter(comments::post_id.eq(post))
        .select(Comment::as_select())
        .order(comments::id)
        .load(db)
}

pub(crate) fn add(db: &mut Database, post: i32, remark: &Remark) -> QueryResult<i32> {
    diesel::insert_into(comments::table)
        .values((comments::post_id.eq(post), remark))
        .execute(db)?;
    db.last_id()
}

pub(crate) fn remove(db: &mut Database, id: i32) -> QueryResult<usize> {
    diesel::delete(comments::table.find(id)).execute(db)
}

//! A few authors, posts, comments and tags, with nulls, odd texts and ties among them.

use chrono::{NaiveDate, NaiveDateTime};
use diesel::prelude::*;

use super::Conn;
use super::schema::*;

#[derive(Clone, Debug, PartialEq, Queryable, Selectable, Identifiable, Insertable)]
#[diesel(table_name = authors, treat_none_as_default_value = false)]
pub(crate) struct Author {
    pub(crate) id: i32,
    pub(crate) name: String,
    pub(crate) email: Option<String>,
    pub(crate) born: Option<NaiveDate>,
    pub(crate) active: bool,
    pub(crate) created_at: NaiveDateTime,
}

#[derive(
    Clone, Debug, PartialEq, Queryable, Selectable, Identifiable, Insertable, Associations,
)]
#[diesel(table_name = posts, treat_none_as_default_value = false, belongs_to(Author))]
pub(crate) struct Post {
    pub(crate) id: i32,
    pub(crate) author_id: i32,
    pub(crate) title: String,
    pub(crate) body: Option<String>,
    pub(crate) published: bool,
    pub(crate) rating: Option<f64>,
    pub(crate) votes: i64,
    pub(crate) published_at: Option<NaiveDateTime>,
}

#[derive(
    Clone, Debug, PartialEq, Queryable, Selectable, Identifiable, Insertable, Associations,
)]
#[diesel(table_name = comments, treat_none_as_default_value = false, belongs_to(Post))]
pub(crate) struct Comment {
    pub(crate) id: i32,
    pub(crate) post_id: i32,
    pub(crate) author_id: Option<i32>,
    pub(crate) body: String,
}

/// Puts the rows into the tables, which must be empty.
pub(crate) fn fill(conn: &mut Conn) {
    diesel::insert_into(authors::table)
        .values(authors())
        .execute(conn)
        .unwrap();
    diesel::insert_into(posts::table)
        .values(posts())
        .execute(conn)
        .unwrap();
    diesel::insert_into(comments::table)
        .values(comments())
        .execute(conn)
        .unwrap();
    let labels = ["rust", "sql", "unused"];
    let labels = (1..).zip(labels);
    let labels: Vec<_> = labels
        .map(|(id, label)| (tags::id.eq(id), tags::label.eq(label)))
        .collect();
    diesel::insert_into(tags::table)
        .values(labels)
        .execute(conn)
        .unwrap();
    let tagged: Vec<_> = [(1, 1), (1, 2), (3, 2)]
        .into_iter()
        .map(|(post, tag)| (posts_tags::post_id.eq(post), posts_tags::tag_id.eq(tag)))
        .collect();
    diesel::insert_into(posts_tags::table)
        .values(tagged)
        .execute(conn)
        .unwrap();
}

/// All authors, by their id.
pub(crate) fn authors() -> Vec<Author> {
    let author =
        |id, name: &str, email: Option<&str>, born: Option<&str>, created_at: &str| Author {
            id,
            name: name.to_owned(),
            email: email.map(str::to_owned),
            born: born.map(|day| day.parse().unwrap()),
            active: id != 2,
            created_at: created_at.parse().unwrap(),
        };
    vec![
        author(
            1,
            "Ada",
            Some("ada@example.org"),
            Some("1815-12-10"),
            "2000-01-01T00:00:00",
        ),
        author(2, "Björn", None, None, "2001-02-03T04:05:06.789"),
        author(
            3,
            "Chloé",
            Some(""),
            Some("1990-06-15"),
            "2020-02-29T23:59:59.000001",
        ),
    ]
}

/// All posts, by their id.
pub(crate) fn posts() -> Vec<Post> {
    let post =
        |id, author_id, title: &str, body: Option<&str>, rating, votes, at: Option<&str>| Post {
            id,
            author_id,
            title: title.to_owned(),
            body: body.map(str::to_owned),
            published: at.is_some(),
            rating,
            votes,
            published_at: at.map(|time| time.parse().unwrap()),
        };
    vec![
        post(
            1,
            1,
            "Hello",
            Some("First."),
            Some(4.5),
            10,
            Some("2024-01-01T12:00:00"),
        ),
        post(2, 1, "Draft", None, None, 0, None),
        post(
            3,
            2,
            "hello, again",
            Some("a,b"),
            Some(-0.25),
            7,
            Some("2024-02-29T08:30:00"),
        ),
        post(
            4,
            3,
            "Ünïcode \u{1F40B}",
            Some(""),
            Some(4.5),
            i64::MAX / 4,
            Some("2024-03-01T00:00:00"),
        ),
    ]
}

/// All comments, by their id.
pub(crate) fn comments() -> Vec<Comment> {
    let comment = |id, post_id, author_id, body: &str| Comment {
        id,
        post_id,
        author_id,
        body: body.to_owned(),
    };
    vec![
        comment(1, 1, Some(2), "first"),
        comment(2, 1, None, "anonymous"),
        comment(3, 3, Some(1), "nice"),
    ]
}

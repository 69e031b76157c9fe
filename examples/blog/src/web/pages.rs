//! What is read.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{Path, Query, State},
};
use serde::{Deserialize, Serialize};

use super::{App, Failure};
use crate::data::{
    authors::{self, Author, Numbers},
    comments::{self, Comment},
    posts::{self, Post, Summary},
};

type Page<T> = Result<Json<T>, Failure>;

#[derive(Deserialize)]
pub(super) struct Paging {
    #[serde(default = "first_page")]
    page: i64,
}

fn first_page() -> i64 {
    1
}

pub(super) async fn front(
    State(app): State<App>,
    Query(Paging { page }): Query<Paging>,
) -> Page<Vec<Summary>> {
    app.run(move |db| Ok(Json(posts::newest(db, page)?))).await
}

pub(super) async fn discussed(State(app): State<App>) -> Page<Vec<Summary>> {
    app.run(|db| Ok(Json(posts::most_discussed(db)?))).await
}

pub(super) async fn tag(State(app): State<App>, Path(label): Path<String>) -> Page<Vec<Summary>> {
    app.run(move |db| Ok(Json(posts::tagged(db, &label)?)))
        .await
}

#[derive(Deserialize)]
pub(super) struct Search {
    words: String,
}

pub(super) async fn search(
    State(app): State<App>,
    Query(Search { words }): Query<Search>,
) -> Page<Vec<Summary>> {
    app.run(move |db| Ok(Json(posts::search(db, &words)?)))
        .await
}

/// Three reads, of which a new comment makes one anew and leaves the others where they are.
#[derive(Serialize)]
pub(super) struct PostPage {
    post: Post,
    author: String,
    tags: Vec<String>,
    comments: Vec<Comment>,
}

pub(super) async fn post(State(app): State<App>, Path(id): Path<i32>) -> Page<PostPage> {
    app.run(move |db| {
        let (post, author) = posts::one(db, id)?;
        let tags = posts::labels(db, id)?;
        let comments = comments::of_post(db, id)?;
        Ok(Json(PostPage {
            post,
            author,
            tags,
            comments,
        }))
    })
    .await
}

pub(super) async fn authors(State(app): State<App>) -> Page<Vec<Numbers>> {
    app.run(|db| Ok(Json(authors::all(db)?))).await
}

#[derive(Serialize)]
pub(super) struct AuthorPage {
    author: Author,
    posts: Vec<Summary>,
}

pub(super) async fn author(State(app): State<App>, Path(id): Path<i32>) -> Page<AuthorPage> {
    app.run(move |db| {
        let author = authors::one(db, id)?;
        let posts = posts::of_author(db, id)?;
        Ok(Json(AuthorPage { author, posts }))
    })
    .await
}

/// What the cache did for this process so far.
#[derive(Serialize)]
pub(super) struct Counts {
    hits: u64,
    misses: u64,
    bypasses: BTreeMap<&'static str, u64>,
    invalidations: u64,
}

pub(super) async fn cache(State(app): State<App>) -> Json<Counts> {
    let stats = app.cache.stats();
    Json(Counts {
        hits: stats.hits,
        misses: stats.misses,
        bypasses: stats.bypasses,
        invalidations: stats.invalidations,
    })
}

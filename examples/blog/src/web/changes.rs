//! What is written.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};

use super::{App, Failure};
use crate::data::{
    authors::{self, Profile},
    comments::{self, Remark},
    posts::{self, Text},
};

#[derive(Serialize)]
pub(super) struct Created {
    id: i32,
}

type Creation = Result<(StatusCode, Json<Created>), Failure>;
type Change = Result<StatusCode, Failure>;

pub(super) async fn join(State(app): State<App>, Json(profile): Json<Profile>) -> Creation {
    required(&profile.name, "an author needs a name")?;
    app.run(move |db| created(authors::add(db, &profile)?))
        .await
}

pub(super) async fn edit_author(
    State(app): State<App>,
    Path(id): Path<i32>,
    Json(profile): Json<Profile>,
) -> Change {
    required(&profile.name, "an author needs a name")?;
    app.run(move |db| changed(authors::edit(db, id, &profile)?))
        .await
}

#[derive(Deserialize)]
pub(super) struct Draft {
    author_id: i32,
    #[serde(flatten)]
    text: Text,
    #[serde(default)]
    tags: Vec<String>,
}

pub(super) async fn publish(State(app): State<App>, Json(draft): Json<Draft>) -> Creation {
    required(&draft.text.title, "a post needs a title")?;
    app.run(move |db| {
        let Draft {
            author_id,
            text,
            tags,
        } = draft;
        created(posts::publish(db, author_id, &text, &tags)?)
    })
    .await
}

pub(super) async fn edit_post(
    State(app): State<App>,
    Path(id): Path<i32>,
    Json(text): Json<Text>,
) -> Change {
    required(&text.title, "a post needs a title")?;
    app.run(move |db| changed(posts::edit(db, id, &text)?))
        .await
}

pub(super) async fn remove_post(State(app): State<App>, Path(id): Path<i32>) -> Change {
    app.run(move |db| changed(posts::remove(db, id)?)).await
}

pub(super) async fn comment(
    State(app): State<App>,
    Path(post): Path<i32>,
    Json(remark): Json<Remark>,
) -> Creation {
    required(&remark.body, "a comment needs a text")?;
    app.run(move |db| created(comments::add(db, post, &remark)?))
        .await
}

pub(super) async fn remove_comment(State(app): State<App>, Path(id): Path<i32>) -> Change {
    app.run(move |db| changed(comments::remove(db, id)?)).await
}

fn required(text: &str, otherwise: &'static str) -> Result<(), Failure> {
    if text.trim().is_empty() {
        return Err(Failure::Refused(otherwise));
    }
    Ok(())
}

fn created(id: i32) -> Creation {
    Ok((StatusCode::CREATED, Json(Created { id })))
}

fn changed(rows: usize) -> Change {
    if rows == 0 {
        return Err(Failure::NotFound);
    }
    Ok(StatusCode::NO_CONTENT)
}

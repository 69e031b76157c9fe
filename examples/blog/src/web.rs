//! The blog over HTTP: which function answers which request, and on which thread.

mod changes;
mod failure;
mod pages;

use axum::{
    Router,
    routing::{delete, get, post},
};
use cachalot_diesel::Cachalot;

use crate::database::{Database, Pool};
use failure::Failure;

/// What every request needs.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) pool: Pool,
    pub(crate) cache: Cachalot,
}

impl App {
    /// Runs `work` with a connection, on a thread that may block. Diesel blocks, and so does the
    /// cache, on a hit too: neither belongs on a thread of the asynchronous runtime.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Database) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let pool = self.pool.clone();
        tokio::task::spawn_blocking(move || work(&mut *pool.get()?)).await?
    }
}

pub(crate) fn routes(app: App) -> Router {
    Router::new()
        .route("/", get(pages::front))
        .route("/discussed", get(pages::discussed))
        .route("/search", get(pages::search))
        .route("/posts", post(changes::publish))
        .route(
            "/posts/{id}",
            get(pages::post)
                .put(changes::edit_post)
                .delete(changes::remove_post),
        )
        .route("/posts/{id}/comments", post(changes::comment))
        .route("/comments/{id}", delete(changes::remove_comment))
        .route("/tags/{label}", get(pages::tag))
        .route("/authors", get(pages::authors).post(changes::join))
        .route(
            "/authors/{id}",
            get(pages::author).put(changes::edit_author),
        )
        .route("/cache", get(pages::cache))
        .with_state(app)
}

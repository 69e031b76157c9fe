use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use diesel::{
    r2d2::PoolError,
    result::{DatabaseErrorKind, Error},
};
use serde::Serialize;

/// Why a request was not answered as asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("there is nothing here")]
    NotFound,
    #[error("{0}")]
    Refused(&'static str),
    #[error("it is there already")]
    Taken,
    #[error("it refers to what is not there")]
    Dangling,
    #[error("the database failed")]
    Database(#[source] Error),
    #[error("no connection to the database")]
    NoConnection(#[from] PoolError),
    #[error("the request did not come to its end")]
    Stopped(#[from] tokio::task::JoinError),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound => Self::NotFound,
            Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => Self::Taken,
            Error::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _) => Self::Dangling,
            error => Self::Database(error),
        }
    }
}

#[derive(Serialize)]
struct Body {
    error: String,
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = match &self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Refused(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Taken | Self::Dangling => StatusCode::CONFLICT,
            Self::Database(_) | Self::NoConnection(_) | Self::Stopped(_) => {
                let error: &(dyn std::error::Error + 'static) = &self;
                tracing::error!(error, "a request failed");
                let error = "the blog has a problem of its own".to_owned();
                return (StatusCode::INTERNAL_SERVER_ERROR, Json(Body { error })).into_response();
            }
        };
        let error = self.to_string();
        (status, Json(Body { error })).into_response()
    }
}

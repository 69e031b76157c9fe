//! All that this program asks its database, and all that it writes there.
//!
//! This is where caching happens, and all of it is `.cached(conn)` on a read. Nothing here names a
//! key, and no write says what it invalidates.

pub(crate) mod authors;
pub(crate) mod comments;
pub(crate) mod posts;

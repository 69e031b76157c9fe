//! All that this program asks its database, and all that it writes there.
//!
//! Nothing here mentions the cache, but the search that is not cached: the type of the connection does it.

pub(crate) mod authors;
pub(crate) mod comments;
pub(crate) mod posts;

//! Which history of changes a server takes part in, as far as it tells.

/// What a server tells of its place among those that have the same data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lineage {
    /// What a cluster of servers and all copies of their files have in common.
    pub(crate) cluster: String,
    /// Which history it is that the server writes, or receives at present: a server that is promoted
    /// begins another.
    pub(crate) timeline: String,
    /// When it was started, in microseconds since 1970: its name.
    pub(crate) started: i64,
    /// It follows another.
    pub(crate) in_recovery: bool,
}

//! A read as Diesel does it and through the cache, from one text, so that both surely ask the same.

macro_rules! reads {
    ($(
        $(#[$doc:meta])*
        fn $name:ident($($argument:ident: $type:ty),*) -> $row:ty { $query:expr }
    )*) => {$(
        $(#[$doc])*
        pub(crate) mod $name {
            use super::*;

            pub(crate) fn plain(conn: &mut Conn, $($argument: $type),*) -> Vec<$row> {
                diesel::RunQueryDsl::load($query, conn).unwrap()
            }

            pub(crate) fn cached(conn: &mut Conn, $($argument: $type),*) -> Vec<$row> {
                cachalot_diesel::CachedDsl::cached($query, conn).load().unwrap()
            }
        }
    )*};
}

pub(crate) use reads;

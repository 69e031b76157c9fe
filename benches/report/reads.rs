//! A read as Diesel does it and through the cache, from one text, so that both surely ask the same.

macro_rules! reads {
    ($(
        $(#[$doc:meta])*
        fn $name:ident($($argument:ident: $type:ty),*) -> $row:ty { $query:expr }
    )*) => {$(
        $(#[$doc])*
        #[allow(dead_code, reason = "not every read is measured in each way")]
        pub(crate) mod $name {
            use super::*;

            pub(crate) fn plain(conn: &mut Conn, $($argument: $type),*) -> Vec<$row> {
                diesel::RunQueryDsl::load($query, conn).unwrap()
            }

            pub(crate) fn cached(conn: &mut Conn, $($argument: $type),*) -> Vec<$row> {
                cachalot_diesel::CachedDsl::cached($query, conn).load().unwrap()
            }

            pub(crate) fn on_type(
                conn: &mut cachalot_diesel::CachalotConnection<Conn>,
                $($argument: $type),*
            ) -> Vec<$row> {
                diesel::RunQueryDsl::load($query, conn).unwrap()
            }
        }
    )*};
}

pub(crate) use reads;

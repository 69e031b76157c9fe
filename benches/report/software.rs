//! What was measured, by name and version.

use cachalot_benches::RawSocket;
use diesel::{QueryableByName, RunQueryDsl as _, sql_query, sql_types::Text};

use super::{mysql, postgres, sqlite, store};

#[derive(QueryableByName)]
struct Version {
    #[diesel(sql_type = Text)]
    version: String,
}

pub(crate) fn versions(world: &postgres::world::World) -> Vec<String> {
    let postgres: Version = sql_query("SELECT current_setting('server_version') AS version")
        .get_result(&mut world.connect())
        .unwrap();
    let mut conn = mysql::db::establish(&mysql::db::shared().url("mysql"));
    let mysql: Version = sql_query("SELECT version() AS version")
        .get_result(&mut conn)
        .unwrap();
    let mut conn = sqlite::db::establish(":memory:");
    let sqlite: Version = sql_query("SELECT sqlite_version() AS version")
        .get_result(&mut conn)
        .unwrap();
    let memcached = RawSocket::connect(store::memcached().address()).ask("version");
    vec![
        format!("cachalot-diesel {}", env!("CARGO_PKG_VERSION")),
        format!("PostgreSQL {}", postgres.version),
        format!("MariaDB {}", mysql.version),
        format!("SQLite {}", sqlite.version),
        format!("memcached {}", memcached.trim_start_matches("VERSION ")),
    ]
}

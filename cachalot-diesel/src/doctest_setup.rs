// Included by the documentation's examples: two tables, a model and a watched connection.

use cachalot_diesel::prelude::*;
use diesel::{connection::SimpleConnection, prelude::*};

diesel::table! {
    users (id) {
        id -> Integer,
        name -> Text,
    }
}

diesel::table! {
    posts (id) {
        id -> Integer,
        user_id -> Integer,
    }
}

diesel::joinable!(posts -> users (user_id));
diesel::allow_tables_to_appear_in_same_query!(posts, users);

#[allow(dead_code)]
#[derive(Queryable, Selectable, Cacheable)]
#[diesel(table_name = users)]
struct User {
    id: i32,
    name: String,
}

#[allow(dead_code)]
fn connection(cache: &Cachalot) -> SqliteConnection {
    let mut conn = SqliteConnection::establish(":memory:").unwrap();
    cache.watch(&mut conn).unwrap();
    conn.batch_execute(
        "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
         CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL);
         INSERT INTO users VALUES (1, 'Sean'), (2, 'Tess')",
    )
    .unwrap();
    conn
}

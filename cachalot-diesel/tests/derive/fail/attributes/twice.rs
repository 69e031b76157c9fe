use cachalot_diesel::Cacheable;

mod schema {
    diesel::table! { users { id -> Integer } }
}

#[derive(Cacheable)]
#[diesel(table_name = schema::users)]
#[cachalot(ttl = "10m", uncacheables)]
#[cachalot(ttl = "5m")]
struct User;

fn main() {}

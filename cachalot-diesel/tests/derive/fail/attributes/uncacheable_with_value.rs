use cachalot_diesel::Cacheable;

mod schema {
    diesel::table! { users { id -> Integer } }
}

#[derive(Cacheable)]
#[diesel(table_name = schema::users)]
#[cachalot(uncacheable = true)]
struct User;

fn main() {}

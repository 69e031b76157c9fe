use cachalot_diesel::Cacheable;

mod schema {
    diesel::table! { users { id -> Integer } }
}

#[derive(Cacheable)]
#[diesel(table_name = 7)]
struct User;

fn main() {}

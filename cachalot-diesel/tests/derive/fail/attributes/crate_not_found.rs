use cachalot_diesel::Cacheable;

mod schema {
    diesel::table! { users { id -> Integer } }
}

#[derive(Cacheable)]
#[diesel(table_name = schema::users)]
#[cachalot(crate = does::not::exist)]
struct User;

fn main() {}

use cachalot_diesel::Cacheable;

mod schema {
    diesel::table! { users { id -> Integer } }
}

#[derive(Cacheable)]
#[diesel(table_name = schema::users)]
#[cachalot(depends_on(schema::users, 7))]
struct User;

fn main() {}

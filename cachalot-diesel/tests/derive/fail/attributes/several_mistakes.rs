use cachalot_diesel::Cacheable;

mod schema {
    diesel::table! { users { id -> Integer } }
}

#[derive(Cacheable)]
#[diesel(table_name = schema::users)]
#[cachalot(ttl = "soon", tabel = "x", depends_on())]
struct User;

fn main() {}

use cachalot_diesel::Cacheable;

mod schema {
    diesel::table! { users { id -> Integer } }
}

#[derive(Cacheable)]
#[cachalot(table = "us\0ers")]
struct User;

fn main() {}

use cachalot_diesel::Cacheable;

mod schema {
    diesel::table! { users { id -> Integer, name -> Text, score -> Double } }
}

#[derive(Cacheable)]
#[cachalot(table = "users", keys(name))]
struct User;

fn main() {}

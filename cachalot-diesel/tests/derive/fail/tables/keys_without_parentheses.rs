use cachalot_diesel::Cacheable;

mod schema {
    diesel::table! { users { id -> Integer, name -> Text, score -> Double } }
}

#[derive(Cacheable)]
#[diesel(table_name = schema::users)]
#[cachalot(keys = "name")]
struct User;

fn main() {}

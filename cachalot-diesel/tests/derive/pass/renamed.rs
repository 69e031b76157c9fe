//! The dependency has another name.

mod inner {
    pub use cachalot_diesel as cache;
}

#[derive(inner::cache::Cacheable)]
#[cachalot(table = "users", crate = crate::inner::cache)]
struct User;

fn main() {
    use inner::cache::Cacheable;
    assert_eq!(User::tables(), ["users"]);
}

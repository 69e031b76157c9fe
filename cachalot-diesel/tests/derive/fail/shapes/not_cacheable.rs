struct User;

fn main() {
    let cache = cachalot_diesel::Cachalot::builder().url("memory://").build().unwrap();
    cache.invalidate_model::<User>().unwrap();
}

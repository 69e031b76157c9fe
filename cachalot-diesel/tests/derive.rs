//! `#[derive(Cacheable)]`: what compiles, and what every mistake is told.

#[test]
fn right_uses_compile_and_mistakes_point_at_their_place() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/derive/pass/*.rs");
    cases.compile_fail("tests/derive/fail/*/*.rs");
}

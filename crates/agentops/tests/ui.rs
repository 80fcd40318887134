//! Misuse is told at the token that is wrong, and the function stays.

#[test]
fn misuse_is_told_where_it_is() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}

//! The tables that are checked in are those that the generator makes on this host.

use std::path::{Path, PathBuf};

#[test]
fn checked_in_tables_are_what_the_generator_makes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let stale = elbow_tests::tables::check(&root).expect("the checked-in tables can be read");
    assert_eq!(stale, Vec::<PathBuf>::new(), "run `cargo xtask tables`");
}

//! An example for a board that is not emulated builds with its HAL; `cargo xtask boards` builds all of them.

use elbow_tests::build::hal;

#[test]
fn the_pico_builds_with_its_hal() {
    let folder = tempfile::tempdir().unwrap();
    let image = hal::image(folder.path()).unwrap();
    let pico = hal::EXAMPLES[0];
    assert_eq!(pico.name, "rp2040");
    let stale = pico.check(&image).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(stale, None);
}

//! What scores may cost. Counts of instructions are exact: these bounds hold on every host.

use elbow_tests::bench;
use elbow_tests::board::COUNTED;

#[test]
fn four_latents_at_once_save_work() {
    for (name, shape) in bench::shapes() {
        let measured = bench::measure(&shape, &COUNTED).unwrap();
        println!("{}", bench::table(name, &measured));
        for (core, counts) in &measured.cores {
            let most = if ["m0", "m3"].contains(core) {
                0.92
            } else {
                0.80
            };
            let ratio = counts.four_latents_ratio;
            assert!(ratio <= most, "{name} on {core}: {ratio}");
        }
        assert!(
            measured.workspace_bytes <= 4096,
            "{name}: {}",
            measured.workspace_bytes
        );
    }
}

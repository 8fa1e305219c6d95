//! Chooses the kernels for the core that is built for, as the cfg `elbow_kernels`, without a value wherever there are
//! others than the portable ones, and `elbow_assembly` where these are in assembly: stable Rust does not tell
//! a crate whether its target has the DSP extension or Helium, so the triple, the processor given by
//! `-C target-cpu`, and the features `dsp` and `helium` do. The choice changes speed, never a result.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!(
        r#"cargo::rustc-check-cfg=cfg(elbow_kernels, values(none(), "v6m", "v7m", "dsp", "helium", "riscv"))"#
    );
    println!("cargo::rustc-check-cfg=cfg(elbow_assembly)");
    println!("cargo::rustc-check-cfg=cfg(elbow_v8m)");
    let target = env::var("TARGET").unwrap_or_default();
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    let cpu = flags
        .split('\x1f')
        .filter_map(|flag| flag.strip_prefix("-C").or(Some(flag)))
        .filter_map(|flag| flag.trim_start().strip_prefix("target-cpu="))
        .next_back()
        .unwrap_or_default();
    let feature = |name: &str| env::var_os(format!("CARGO_FEATURE_{name}")).is_some();
    let main_v8 = target.starts_with("thumbv8m.main-") || target.starts_with("thumbv8.1m.main-");
    if main_v8 {
        println!("cargo::rustc-cfg=elbow_v8m");
    }
    let kernels = match () {
        () if target.starts_with("thumbv6m-") || target.starts_with("thumbv8m.base-") => "v6m",
        () if target.starts_with("thumbv7m-") => "v7m",
        () if target.starts_with("thumbv7em-") => "dsp",
        () if main_v8
            && (feature("HELIUM") || ["cortex-m52", "cortex-m55", "cortex-m85"].contains(&cpu)) =>
        {
            "helium"
        }
        () if main_v8 && (feature("DSP") || ["cortex-m33", "cortex-m35p"].contains(&cpu)) => "dsp",
        () if main_v8 => "v7m",
        () if ["riscv32im", "riscv32gc"]
            .iter()
            .any(|start| target.starts_with(start)) =>
        {
            "riscv"
        }
        () => return,
    };
    if kernels != "riscv" {
        println!("cargo::rustc-cfg=elbow_assembly");
    }
    println!("cargo::rustc-cfg=elbow_kernels");
    println!("cargo::rustc-cfg=elbow_kernels=\"{kernels}\"");
}

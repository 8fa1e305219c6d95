//! Coverage-guided fuzzing of the format `zst`.
#![no_main]

elbow_fuzz::target!(Zst);

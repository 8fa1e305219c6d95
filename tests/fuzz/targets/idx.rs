//! Coverage-guided fuzzing of the format `idx`.
#![no_main]

elbow_fuzz::target!(Idx);

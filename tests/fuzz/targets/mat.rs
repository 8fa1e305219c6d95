//! Coverage-guided fuzzing of the format `mat`.
#![no_main]

elbow_fuzz::target!(Mat);

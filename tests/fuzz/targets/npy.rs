//! Coverage-guided fuzzing of the format `npy`.
#![no_main]

elbow_fuzz::target!(Npy);

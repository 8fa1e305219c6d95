//! Coverage-guided fuzzing of the format `npz`.
#![no_main]

elbow_fuzz::target!(Npz);

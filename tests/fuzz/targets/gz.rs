//! Coverage-guided fuzzing of the format `gz`.
#![no_main]

elbow_fuzz::target!(Gz);

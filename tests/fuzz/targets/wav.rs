//! Coverage-guided fuzzing of the format `wav`.
#![no_main]

elbow_fuzz::target!(Wav);

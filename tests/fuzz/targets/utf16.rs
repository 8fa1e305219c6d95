//! Coverage-guided fuzzing of the format `utf16`.
#![no_main]

elbow_fuzz::target!(Utf16);

//! Coverage-guided fuzzing of the format `image`.
#![no_main]

elbow_fuzz::target!(Image);

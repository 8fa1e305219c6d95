//! Coverage-guided fuzzing of the format `text`.
#![no_main]

elbow_fuzz::target!(Text);

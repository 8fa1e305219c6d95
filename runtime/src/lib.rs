//! elbow
#![no_std]
#![deny(unsafe_code)]

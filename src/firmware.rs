//! The machines we serve: what each firmware sends.
//!
//! * [`sample`]: the message a machine would send, made from what an operator says of it

pub mod sample;

//! The commands.

pub mod assets;

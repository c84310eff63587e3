//! The YAML shape of a profile, with positions.

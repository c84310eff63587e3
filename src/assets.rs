//! The embedded boot assets.

/// One asset.
#[derive(Debug)]
pub struct Asset {
    /// Its name in the tree.
    pub name: &'static str,
    /// The file itself.
    pub bytes: &'static [u8],
}

/// The asset of this name.
pub fn get(_name: &str) -> Option<&'static Asset> {
    None
}

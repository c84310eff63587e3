//! The folders of an appliance below one folder, as the program is told of them.

use std::path::Path;

use bootjack::config::{ConfigFile, Mode};
use bootjack::service::load::Places;

/// `profiles`, which has to be there, `images`, `assets` where it is there, and `bootjack.yaml`; mode `proxy`.
pub fn below(dir: &Path) -> Places {
    let assets = dir.join("assets");
    Places {
        profiles: dir.join("profiles"),
        required: true,
        images: dir.join("images"),
        assets: assets.exists().then_some(assets),
        http_port: 8067,
        https: None,
        config: ConfigFile {
            path: dir.join("bootjack.yaml"),
            settings: None,
        },
        mode: Mode::Proxy,
        names_server: false,
        interface: Vec::new(),
    }
}

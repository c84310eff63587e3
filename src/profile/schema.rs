//! The YAML shape of a profile: which keys stand where.
//!
//! ```text
//! name, match {mac, uuid, subnet, arch}, menu {…, entries [{…, linux {…}}]}, loader, firmware
//! {multicast}, secure_boot, http_boot {https, entry}, raspberry_pi {folder, cmdline, config}, pxelinux
//! {config, prefix, reboot}, vars, dhcp {options, lease-time, pxe, tags} (room `network`)
//! ```

use super::model::PerArch;
use crate::network::PROFILE_DHCP;
use crate::wire::Platform;
use crate::yaml::{Key, Node, Report, Shape, Value, similar};

pub(super) static PROFILE: Shape = Shape {
    what: "a profile",
    keys: &[
        "name",
        "match",
        "menu",
        "loader",
        "firmware",
        "strategy",
        "secure_boot",
        "http_boot",
        "raspberry_pi",
        "pxelinux",
        "vars",
        "dhcp",
    ],
    kin: SHAPES,
    aliases: ALIASES,
};
pub(super) static MATCH: Shape = Shape {
    what: "match",
    keys: &["mac", "uuid", "subnet", "arch"],
    kin: SHAPES,
    aliases: ALIASES,
};
pub(super) static MENU: Shape = Shape {
    what: "menu",
    keys: &[
        "title",
        "timeout",
        "prompt",
        "default",
        "installed",
        "entries",
    ],
    kin: SHAPES,
    aliases: ALIASES,
};
pub(super) static ENTRY: Shape = Shape {
    what: "an entry",
    keys: &[
        "id", "title", "arch", "linux", "loader", "local", "chain", "ipxe", "image", "servers",
        "type",
    ],
    kin: SHAPES,
    aliases: ALIASES,
};
/// The keys of an entry of which it has exactly one.
pub(super) const ACTIONS: [&str; 6] = ["linux", "loader", "local", "chain", "ipxe", "image"];
pub(super) static LINUX: Shape = Shape {
    what: "linux",
    keys: &["kernel", "initrd", "args", "dtb", "fdtdir"],
    kin: SHAPES,
    aliases: ALIASES,
};

pub(super) static FIRMWARE: Shape = Shape {
    what: "firmware",
    keys: &["multicast"],
    kin: SHAPES,
    aliases: ALIASES,
};

pub(super) static RASPBERRY_PI: Shape = Shape {
    what: "raspberry_pi",
    keys: &["folder", "cmdline", "config"],
    kin: SHAPES,
    aliases: ALIASES,
};

pub(super) static PXELINUX: Shape = Shape {
    what: "pxelinux",
    keys: &["config", "prefix", "reboot"],
    kin: SHAPES,
    aliases: ALIASES,
};

pub(super) static HTTP_BOOT: Shape = Shape {
    what: "http_boot",
    keys: &["https", "entry"],
    kin: SHAPES,
    aliases: ALIASES,
};

static SHAPES: &[&Shape] = &[
    &PROFILE,
    &MATCH,
    &MENU,
    &ENTRY,
    &LINUX,
    &FIRMWARE,
    &HTTP_BOOT,
    &RASPBERRY_PI,
    &PXELINUX,
    &PROFILE_DHCP,
];

/// What other boot programs call our keys.
const ALIASES: &[(&str, &str)] = &[
    ("append", "args"),
    ("fdt", "dtb"),
    ("devicetree", "dtb"),
    ("devicetreedir", "fdtdir"),
    ("cmdline", "args"),
    ("boot_args", "args"),
    ("initramfs", "initrd"),
    ("label", "title"),
    ("script", "ipxe"),
    ("iso", "image"),
    ("img", "image"),
    ("tls", "https"),
    ("url", "chain"),
    ("localboot", "local"),
    ("macs", "mac"),
    ("network", "subnet"),
    ("variables", "vars"),
];

/// One value for all platforms, or a mapping from platform names to values.
pub(super) fn per_arch<T>(
    node: &Node,
    what: &str,
    report: &mut Report<'_>,
    mut read: impl FnMut(&Node, &mut Report<'_>) -> Option<T>,
) -> Option<PerArch<T>> {
    let Value::Map(fields) = &node.value else {
        return read(node, report).map(PerArch::All);
    };
    if fields.is_empty() {
        report.error(node.at, format!("{what} names no platform"), None);
        return None;
    }
    let each = fields.iter().map(|(key, value)| {
        let (platform, value) = (platform(key, report), read(value, report));
        Some((platform?, value?))
    });
    // Through a list: every field is to be read, also after one that is wrong.
    let each: Vec<_> = each.collect();
    each.into_iter().collect::<Option<_>>().map(PerArch::Each)
}

fn platform(key: &Key, report: &mut Report<'_>) -> Option<Platform> {
    let found = Platform::from_name(&key.text);
    if found.is_none() {
        let meant = key.text.parse().map(crate::wire::Arch::platform);
        let hint = match meant {
            Ok(platform) if platform != Platform::Other => format!("write \"{platform}\""),
            _ => similar::hint(&key.text, Platform::NAMED.map(Platform::name)),
        };
        report.error(key.at, format!("\"{}\" is no platform", key.text), hint);
    }
    found
}

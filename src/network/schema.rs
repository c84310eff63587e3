//! The YAML shape of `dhcp:`: which keys stand where.
//!
//! ```text
//! dhcp {authoritative, match-client-id, conflict-check, quarantine, sync, lease-time, options,
//!       pxe, networks [{…, subnets [{…, pools [{…}]}]}], reservations [{…}]}
//! ```

use crate::wire::dhcp::names::SETTABLE;
use crate::yaml::Shape;

pub(super) static DHCP: Shape = Shape {
    what: "dhcp",
    keys: &[
        "authoritative",
        "match-client-id",
        "conflict-check",
        "quarantine",
        "sync",
        "lease-time",
        "options",
        "pxe",
        "networks",
        "reservations",
    ],
    kin: SHAPES,
    aliases: ALIASES,
};
pub(super) static NETWORK: Shape = Shape {
    what: "a network",
    keys: &[
        "name",
        "match-client-id",
        "options",
        "lease-time",
        "pxe",
        "subnets",
        "subnet",
        "pools",
    ],
    kin: SHAPES,
    aliases: ALIASES,
};
pub(super) static SUBNET: Shape = Shape {
    what: "a subnet",
    keys: &["subnet", "options", "lease-time", "pxe", "pools"],
    kin: SHAPES,
    aliases: ALIASES,
};
pub(super) static POOL: Shape = Shape {
    what: "a pool",
    keys: &[
        "range",
        "exclude",
        "tags",
        "bootp",
        "options",
        "lease-time",
        "pxe",
    ],
    kin: SHAPES,
    aliases: ALIASES,
};
pub(super) static RESERVATION: Shape = Shape {
    what: "a reservation",
    keys: &[
        "mac",
        "client-id",
        "uuid",
        "circuit-id",
        "address",
        "host-name",
        "profile",
        "options",
        "lease-time",
        "pxe",
    ],
    kin: SHAPES,
    aliases: ALIASES,
};
/// The keys of a reservation of which it has exactly one.
pub(super) const WHOM: [&str; 4] = ["mac", "client-id", "uuid", "circuit-id"];

/// `dhcp:` of a profile.
pub static PROFILE_DHCP: Shape = Shape {
    what: "a profile's dhcp",
    keys: &["options", "lease-time", "pxe", "tags"],
    kin: IN_PROFILES,
    aliases: ALIASES,
};
pub(super) static CRITERIA: Shape = Shape {
    what: "a profile's tags",
    keys: &["include", "exclude"],
    kin: IN_PROFILES,
    aliases: ALIASES,
};

pub(super) static LEASE_TIME: Shape = Shape {
    what: "lease-time",
    keys: &["min", "default", "max"],
    kin: SHAPES,
    aliases: ALIASES,
};
pub(super) static CONFLICT: Shape = Shape {
    what: "conflict-check",
    keys: &["method", "wait"],
    kin: SHAPES,
    aliases: ALIASES,
};
pub(super) static OPTIONS: Shape = Shape {
    what: "options",
    keys: &OPTION_KEYS,
    kin: SHAPES,
    aliases: OPTION_ALIASES,
};
pub(super) static CUSTOM: Shape = Shape {
    what: "a custom option",
    keys: &["code", "ip", "text", "hex", "u8", "u16", "u32", "always"],
    kin: SHAPES,
    aliases: OPTION_ALIASES,
};
/// The keys of a custom option of which it has exactly one.
pub(super) const FORMS: [&str; 6] = ["ip", "text", "hex", "u8", "u16", "u32"];

/// Every shape of `dhcp:`.
pub static SHAPES: &[&Shape] = &[
    &DHCP,
    &NETWORK,
    &SUBNET,
    &POOL,
    &RESERVATION,
    &LEASE_TIME,
    &CONFLICT,
    &OPTIONS,
];

static IN_PROFILES: &[&Shape] = &[&PROFILE_DHCP, &CRITERIA, &LEASE_TIME, &OPTIONS];

/// The options that have a name, and `custom` for all others.
#[expect(clippy::indexing_slicing, reason = "it would fail when compiled")]
static OPTION_KEYS: [&str; SETTABLE.len() + 1] = {
    let mut keys = ["custom"; SETTABLE.len() + 1];
    let mut n = 0;
    while n < SETTABLE.len() {
        keys[n] = SETTABLE[n].name;
        n += 1;
    }
    keys
};

/// What other DHCP servers call our keys.
const ALIASES: &[(&str, &str)] = &[
    ("shared-networks", "networks"),
    ("network", "networks"),
    ("subnet4", "subnets"),
    ("pool", "pools"),
    ("host", "reservations"),
    ("hosts", "reservations"),
    ("reservation", "reservations"),
    ("hw-address", "mac"),
    ("hardware", "mac"),
    ("hardware-address", "mac"),
    ("ip", "address"),
    ("ip-address", "address"),
    ("fixed-address", "address"),
    ("hostname", "host-name"),
    ("valid-lifetime", "lease-time"),
    ("default-lease-time", "lease-time"),
    ("max-lease-time", "lease-time"),
    ("min-lease-time", "lease-time"),
    ("option-data", "options"),
    ("option", "options"),
    ("ping-check", "conflict-check"),
    ("decline-probation-period", "quarantine"),
    ("client-classes", "tags"),
    ("excludes", "exclude"),
    ("ranges", "range"),
];

/// What other DHCP servers, and the registry, call our options.
const OPTION_ALIASES: &[(&str, &str)] = &[
    ("router", "routers"),
    ("gateway", "routers"),
    ("gateways", "routers"),
    ("dns-server", "dns"),
    ("dns-servers", "dns"),
    ("domain-name-servers", "dns"),
    ("nameserver", "dns"),
    ("nameservers", "dns"),
    ("domain-name", "domain"),
    ("domain-search", "search"),
    ("search-domains", "search"),
    ("ntp-server", "ntp"),
    ("ntp-servers", "ntp"),
    ("interface-mtu", "mtu"),
    ("broadcast-address", "broadcast"),
    ("classless-static-route", "static-routes"),
    ("classless-static-routes", "static-routes"),
    ("routes", "static-routes"),
    ("tftp-server-name", "tftp-server"),
    ("next-server", "tftp-server"),
    ("bootfile-name", "boot-file"),
    ("filename", "boot-file"),
    ("pcode", "posix-timezone"),
    ("tcode", "timezone"),
    ("wins", "netbios-name-servers"),
    ("address", "ip"),
    ("string", "text"),
];

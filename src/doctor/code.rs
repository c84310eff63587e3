//! The codes of findings: what each means and what to do. README lists the same table
//! (`tests/doctor.rs` compares them).

use std::fmt;

use serde::{Serialize, Serializer};

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Machines will not boot
    Error,
    /// Some machines will not boot, or not always
    Warning,
    /// Worth knowing
    Info,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        })
    }
}

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What kind it is.
    pub code: Code,
    /// How much it matters here.
    pub severity: Severity,
    /// On which interface; `None`: on this host.
    pub interface: Option<String>,
    /// What was seen, in one sentence.
    pub what: String,
    /// What that means.
    pub meaning: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

impl Finding {
    /// A finding of this host.
    pub fn of_host(code: Code, severity: Severity, what: String) -> Self {
        Self {
            code,
            severity,
            interface: None,
            what,
            meaning: code.meaning(),
            remedy: code.remedy(),
        }
    }

    /// A finding of one interface.
    pub fn on(interface: &str, code: Code, severity: Severity, what: String) -> Self {
        Self {
            interface: Some(interface.to_owned()),
            ..Self::of_host(code, severity, what)
        }
    }
}

/// A kind of finding. Its name is stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Code(usize);

/// name, what it means, what to do
type Row = (&'static str, &'static str, &'static str);

/// Names the rows of the table, in their order.
macro_rules! codes {
    ($($name:ident = ($text:literal, $meaning:literal, $remedy:literal)),+ $(,)?) => {
        const TABLE: &[Row] = &[$(($text, $meaning, $remedy)),+];
        #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
        enum Place { $($name),+ }
        #[allow(missing_docs)] // the table beside them says what they are
        impl Code {
            $(pub const $name: Self = Self(Place::$name as usize);)+
        }
    };
}

codes! {
    NO_INTERFACE = (
        "no-interface",
        "No interface is up, connected and has an IPv4 address, so nobody can be served and nothing could be asked.",
        "Connect a cable, bring an interface up (`ip link set IF up`) and give it an address."
    ),
    INTERFACE_DOWN = (
        "interface-down",
        "The interface is switched off in this host; it was not asked.",
        "`ip link set IF up`, or serve others with `--interface`."
    ),
    NO_CARRIER = (
        "no-carrier",
        "Nothing answers at the other end of the cable: unplugged, switched off, or a virtual network without machines; it was not asked.",
        "Check cable and switch port, or serve other interfaces with `--interface`."
    ),
    NO_ADDRESS = (
        "no-address",
        "The interface has no IPv4 address, and boot files are served from one; it was not asked.",
        "Give it a fixed address (`ip addr add 10.0.0.2/24 dev IF`) or let it have a lease."
    ),
    INTERFACE_LOST = (
        "interface-lost",
        "The interface went down or was taken away while it was asked, so nothing is known of its LAN.",
        "Look at cable, driver and `ip link`, then ask again."
    ),
    PORT_TAKEN = (
        "port-taken",
        "Another program has a port that bootjack needs. On UDP 67 it is usually a DHCP server: that is what mode colocated is for.",
        "UDP 67 held by a DHCP server: run mode colocated. Otherwise stop the program; for HTTP choose another `--http-port`."
    ),
    NOT_SERVED = (
        "not-served",
        "A bootjack runs on this host and has no socket on the interface: it came up after bootjack had started, or others were named with `--interface`.",
        "Describe its network under `dhcp: networks:` (mode dhcp) and start bootjack again; or leave it out here as well, with `--interface`."
    ),
    WRONG_MODE = (
        "wrong-mode",
        "bootjack runs in a mode that is not for this LAN's DHCP server: proxy is for one on another host, colocated for one on this host, dhcp for none.",
        "Stop bootjack and start it in the mode that the report names, or change `mode:` in its config file."
    ),
    FIREWALL = (
        "firewall",
        "This host's firewall drops packets to a port that bootjack serves: PXE-E53 or E55 without UDP 67 and 4011, PXE-E32 without UDP 69, \"could not retrieve NBP\" without the HTTP port.",
        "Accept UDP 67, 69 and 4011 and TCP 8067 (or your `--http-port`; and 8443, your `--https-port`, where HTTPS is served) on the interface, from the machines and from 0.0.0.0."
    ),
    FIREWALL_UNKNOWN = (
        "firewall-unknown",
        "The firewall's rules cannot be read, or depend on what cannot be told beforehand.",
        "Look at them yourself: `nft list ruleset`, `iptables-save`."
    ),
    REVERSE_PATH = (
        "reverse-path",
        "The kernel's strict reverse path filter drops packets of machines that it would answer through another interface: their REQUEST to port 4011 and their file requests vanish (PXE-E55, PXE-E32).",
        "`sysctl net.ipv4.conf.IF.rp_filter=2` and the same for `all`, or take the second interface of that subnet away."
    ),
    NO_DHCP_SERVER = (
        "no-dhcp-server",
        "Nobody gives addresses here: firmware ends with PXE-E51, UEFI with PXE-E18, iPXE with \"No configuration methods succeeded\".",
        "Run mode dhcp, or find out why the DHCP server does not answer: cable, VLAN, empty pool, a list of known machines."
    ),
    SEVERAL_DHCP_SERVERS = (
        "several-dhcp-servers",
        "Machines take whichever lease comes first, so each boot may go another way.",
        "Switch one of them off, or make sure that they are a failover pair with the same options."
    ),
    BOOT_CLIENTS_IGNORED = (
        "boot-clients-ignored",
        "The DHCP server answers ordinary machines but not those that boot: firmware ends with PXE-E51 (BIOS) or PXE-E18 (UEFI).",
        "Take away the rule on option 60 or 93 in the DHCP server that leaves these machines out."
    ),
    NOT_ANNOUNCED = (
        "not-announced",
        "The DHCP server on this host does not tell boot clients to ask port 4011 (option 60 PXEClient), and they hear bootjack nowhere else in mode colocated: PXE-E53, or the next boot device.",
        "Add the lines that the report shows to that server's configuration and start it again."
    ),
    CLASS_PXECLIENT = (
        "class-pxeclient",
        "The DHCP server says of itself that it serves PXE (option 60 PXEClient) and gives no PXE data: UEFI asks port 4011 of that host and ends with PXE-E16, BIOS with PXE-E55, and neither looks at bootjack's proxy offers.",
        "Remove option 60 from the DHCP server; it is right only where bootjack runs on that same host (mode colocated)."
    ),
    CLASS_HTTPCLIENT = (
        "class-httpclient",
        "The DHCP server echoes option 60 HTTPClient without a URI: UEFI HTTP boot throws the whole lease away and gets no address.",
        "Remove option 60 HTTPClient from the DHCP server."
    ),
    PXE_IN_LEASE = (
        "pxe-in-lease",
        "The DHCP server gives PXE boot data of its own (option 60 with sub-options 6 to 10 of 43): firmware boots from it and ignores every proxy.",
        "Remove options 60 and 43 from the DHCP server, or leave these machines to it."
    ),
    BOOT_FILE = (
        "boot-file",
        "The DHCP server names a boot file. iPXE prefers it to a proxy's, UEFI HTTP boot takes it where it is a URI, shim and GRUB go to that server where bootjack does not hand them its lease (mode proxy does); BIOS and UEFI PXE take it when the proxy is not heard in time.",
        "Remove boot file and next server (options 66 and 67, `filename`, `next-server`, `dhcp-boot`) from the DHCP server. Where that cannot be, a row of `quirks:` with `ipxe-priority: 1` has iPXE take bootjack's."
    ),
    NEXT_SERVER = (
        "next-server",
        "The DHCP server names a next server without a boot file. Only the GRUB of Secure Boot asks it for files, and finds none; in mode proxy bootjack hands it that lease with itself as next server.",
        "Nothing in mode proxy, unless that server answers no relay agents (`relays-ignored`). There, and in mode colocated, set next-server in the DHCP server to bootjack's address if you use Secure Boot."
    ),
    RELAYS_IGNORED = (
        "relays-ignored",
        "The DHCP server answers no relay agents. bootjack asks it as one, in mode proxy, for machines that take lease and boot data of one server alone: those whose loader is GRUB behind shim (Secure Boot, `loader: grub`, UEFI on ARM64 and IA32), and firmware that follows no proxy. They get bootjack's plain offer instead, and do not boot by it.",
        "Nothing, where there are no such machines. Else have that server answer relay agents of its own network, run bootjack on its host (mode colocated), or in its place (mode dhcp); for shim and GRUB alone it is enough to set next-server in it to bootjack's address."
    ),
    NAMED_SERVER_SILENT = (
        "named-server-silent",
        "A DHCP server that the setting dhcp-server names does not answer bootjack, which asks it as a relay agent, and no other is asked while that is set. Machines that take lease and boot data of one server alone get none.",
        "Name the server that gives these machines their leases, or leave dhcp-server out where it is on their own network; see that the named one runs and answers relay agents. A bootjack that runs has to be started again for it."
    ),
    VENDOR_OPTIONS = (
        "vendor-options",
        "Option 43 beside PXEClient is one that firmware stumbles over: no END mark or a wrong length (all), sub-option 6 without bit 3 and without a menu (UEFI: PXE-E21), only the multicast sub-options 1 to 5 (UEFI drops the offer), a server list with bit 3 (UEFI fetches from the first listed server).",
        "Remove option 43 from that server, or complete it: `06 01 08 FF` with a boot file."
    ),
    IPXE_NO_PROXY = (
        "ipxe-no-proxy",
        "The DHCP server tells iPXE not to wait for a proxy (option 175, sub-option 176): iPXE then never hears bootjack, and says \"Nothing to boot\".",
        "Remove `ipxe.no-pxedhcp` (option 175) from the DHCP server."
    ),
    OPTION_OVERLOAD = (
        "option-overload",
        "The offer hides options in the fields for file and server name (option 52): iPXE takes them for a file name, GRUB ignores the file.",
        "Send fewer options from the DHCP server, or switch overloading off there."
    ),
    NO_SERVER_ID = (
        "no-server-id",
        "The offer has no server identifier (option 54): UEFI drops it, and no client can ask for that lease.",
        "Repair or replace that DHCP server."
    ),
    NO_SUBNET_MASK = (
        "no-subnet-mask",
        "The lease has no subnet mask (option 1): UEFI declines it and ends with PXE-E21.",
        "Set the subnet mask in the DHCP server."
    ),
    MALFORMED_OFFER = (
        "malformed-offer",
        "The answer has no END mark, an option of a wrong length, or is no DHCP message: UEFI drops it as a whole.",
        "Repair or replace that DHCP server; look for options written by hand (hex) in its configuration."
    ),
    OFFER_TOO_LONG = (
        "offer-too-long",
        "The answer has more than 1472 bytes: UEFI drops it, and ROMs cannot put its fragments together.",
        "Send fewer or shorter options from the DHCP server."
    ),
    RIVAL_PROXY = (
        "rival-proxy",
        "Another boot server answers beside the DHCP server: whoever is faster gets the machine, so each boot may go another way.",
        "Switch one of the two off for these machines."
    ),
    LEASES_HANDED_ON = (
        "leases-handed-on",
        "A boot server that is no DHCP server hands on the DHCP server's leases together with its boot data, as a bootjack in mode proxy does for Secure Boot and for firmware that follows no proxy.",
        "Nothing, where it is your bootjack. A second boot server for the same machines is one too many."
    ),
    OWN_PROXY_HEARD = (
        "own-proxy-heard",
        "bootjack runs on this host already and answers here.",
        "Nothing."
    ),
    SLOW_FIRST_ANSWER = (
        "slow-first-answer",
        "The first address came late. iPXE and many ROMs give up or ask again within some seconds, UEFI's first try ends after four.",
        "Look for a server that pings each address first (dnsmasq: 3 s; `no-ping`), a relay with a delay, spanning tree without portfast."
    ),
    SPANNING_TREE = (
        "spanning-tree",
        "The switch speaks spanning tree on this port. A port that is no edge port forwards nothing for twice the forward delay after a machine's link comes up, which firmware does several times in a boot: PXE-E51, iPXE \"No configuration methods succeeded\".",
        "Make the machines' switch ports edge ports (portfast)."
    ),
    ADDRESS_FROM_NOWHERE = (
        "address-from-nowhere",
        "The offered address is in no subnet of this interface: machines may not reach bootjack's files.",
        "Give this host an address in that subnet; or a rogue DHCP server is on the LAN (often a home router): find it by its MAC."
    ),
}

impl Code {
    /// All of them, in the order of README's table.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..TABLE.len()).map(Self)
    }

    fn row(self) -> Row {
        TABLE.get(self.0).copied().unwrap_or_default()
    }

    /// The stable name, `no-dhcp-server`.
    pub fn name(self) -> &'static str {
        self.row().0
    }

    /// What it means, and for which firmware.
    pub fn meaning(self) -> &'static str {
        self.row().1
    }

    /// What to do.
    pub fn remedy(self) -> &'static str {
        self.row().2
    }

    /// Whether a setting of bootjack's mends it, which is in force after a restart.
    pub fn is_mended_by_a_setting(self) -> bool {
        self == Self::NAMED_SERVER_SILENT
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_kebab_case_and_unique() {
        let names: BTreeSet<&str> = Code::all().map(Code::name).collect();
        assert_eq!(names.len(), Code::all().count());
        let kebab = |c: char| c.is_ascii_lowercase() || c == '-';
        assert!(
            names.iter().all(|name| name.chars().all(kebab)),
            "{names:?}"
        );
        assert_eq!(Code::OFFER_TOO_LONG.name(), "offer-too-long");
        assert_eq!(Code::ADDRESS_FROM_NOWHERE.name(), "address-from-nowhere");
    }
}

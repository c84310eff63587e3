//! What to write into the DHCP server of this host for mode `colocated`: README has the same lines,
//! and more for UEFI HTTP boot (`tests/doctor/readme.rs` compares them).

/// Server, its command, and what makes it send option 60 to PXE clients and to nobody else: UEFI HTTP
/// boot would drop a lease with it.
pub const LINES: [(&str, &str, &str); 3] = [
    (
        "dnsmasq",
        "dnsmasq",
        "dhcp-vendorclass=set:pxe,PXEClient\ndhcp-option-force=tag:pxe,60,PXEClient",
    ),
    (
        "ISC dhcpd",
        "dhcpd",
        "class \"pxe\" { match if substring(option vendor-class-identifier, 0, 9) = \"PXEClient\"; \
         option vendor-class-identifier \"PXEClient\"; }",
    ),
    (
        "Kea",
        "kea-dhcp4",
        "\"client-classes\": [ { \"name\": \"pxe\", \"test\": \"substring(option[60].hex,0,9) == 'PXEClient'\", \
         \"option-data\": [ { \"name\": \"vendor-class-identifier\", \"data\": \"PXEClient\", \"always-send\": true } ] } ]",
    ),
];

/// The lines for the server of this name; for one that is not known, all.
pub(super) fn lines(command: Option<&str>) -> Vec<(String, String)> {
    let known = |row: &(&str, &str, &str)| Some(row.1) == command;
    let all = !LINES.iter().any(known);
    let rows = LINES.iter().filter(|row| all || known(row));
    rows.map(|(name, _, text)| ((*name).to_owned(), (*text).to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn for_a_server_that_is_not_known_all_are_told() {
        assert_eq!(lines(Some("kea-dhcp4"))[0].0, "Kea");
        assert_eq!(lines(Some("kea-dhcp4")).len(), 1);
        assert_eq!(lines(Some("mydhcp")).len(), 3);
        assert_eq!(lines(None).len(), 3);
    }
}

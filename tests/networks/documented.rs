//! What README and the shipped config file say is so.

use std::fmt::Write as _;
use std::net::Ipv4Addr;

use bootjack::network::compile;

use super::networks;

/// A bound that is said in README.
#[test]
fn a_school_fits_and_a_file_that_is_too_large_says_what_to_do() {
    let mut text = "dhcp:\n  networks: [{subnet: 10.0.0.0/8}]\n  reservations:\n".to_owned();
    for n in 0..5000_u32 {
        let (mac, address) = (n.to_be_bytes(), Ipv4Addr::from((10 << 24) + 256 + n));
        let mac = format!("52:54:00:{:02x}:{:02x}:{:02x}", mac[1], mac[2], mac[3]);
        writeln!(
            text,
            "    - {{ mac: \"{mac}\", address: {address}, host-name: pc{n} }}"
        )
        .unwrap();
    }
    assert_eq!(networks(&text).reservations.len(), 5000);
    text.push_str(&"# nothing\n".repeat(1 << 20));
    let (none, findings) = compile("c.yaml", &text);
    assert!(none.is_none());
    let told = findings[0].to_string();
    assert!(
        told.starts_with("c.yaml: error: the file is larger than 8 MiB\n"),
        "{told}"
    );
    assert!(told.contains("100,000 reservations"), "{told}");
}

/// The YAML blocks of README's section, and the example of the shipped config file.
fn documented() -> Vec<String> {
    let readme = include_str!("../../README.md");
    let section = readme.split("## Being the DHCP server").nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let blocks = section.split("```yaml\n").skip(1);
    let mut all: Vec<String> = blocks
        .map(|block| block.split("```").next().unwrap().to_owned())
        .collect();
    let shipped = include_str!("../../packaging/bootjack.yaml");
    let example = shipped.split_once("# dhcp:\n").unwrap().1;
    let lines = example.lines().map(|line| line.trim_start_matches('#'));
    let lines: Vec<&str> = lines.map(|l| l.strip_prefix(' ').unwrap_or(l)).collect();
    all.push(format!("dhcp:\n{}", lines.join("\n")));
    all
}

#[test]
fn what_is_documented_compiles() {
    let [short, whole, profile, shipped] = documented().try_into().unwrap();
    for (text, count) in [(&short, (1, 1)), (&whole, (2, 4)), (&shipped, (1, 1))] {
        let all = networks(text);
        assert_eq!((all.all.len(), all.reservations.len()), count, "{text}");
    }
    let menu = "menu: {entries: [{id: disk, local: true}]}\n";
    let source = bootjack::profile::Source {
        file: "p.yaml".into(),
        text: profile + menu,
    };
    let (profiles, findings) = bootjack::profile::compile(&[source]);
    assert_eq!(findings, []);
    let criteria = &profiles.unwrap().all[0].criteria;
    assert!(criteria.include.contains("fast") && criteria.exclude.contains("guest"));
}

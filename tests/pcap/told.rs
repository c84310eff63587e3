//! What a user is told of a capture: who asks, what this bootjack would answer, and why.

use std::fs;

use crate::file::{Order, Packet, captured, pcap, pcap_of, pcapng, read, udp};
use crate::support::packet;
use crate::{MAC, explain};

/// A UEFI machine beside somebody else's DHCP server, up to its first file.
fn conversation() -> Vec<Packet> {
    vec![
        captured(1_000_000, "edk2-pxe-discover"),
        udp(1_200_000, "10.77.0.1:67", "255.255.255.255:68", &offer()),
        captured(5_000_000, "edk2-pxe-request"),
        captured(6_500_000, "edk2-pxe-request-4011"),
        read(7_000_000, "snponly.efi"),
        read(7_100_000, "grub/grub.cfg"),
        read(7_200_000, "revocations_sbat.efi"),
    ]
}

/// The DHCP server's OFFER to it.
fn offer() -> Vec<u8> {
    let mut message = packet::capture("edk2-pxe-discover")[..240].to_vec();
    message[0] = 2;
    message[16..20].copy_from_slice(&[10, 77, 0, 100]);
    message.extend([53, 1, 2, 54, 4, 10, 77, 0, 1, 51, 4, 0, 0, 14, 16, 255]);
    message
}

/// What is told of the packet of this number.
fn of(out: &str, number: usize) -> &str {
    let mut told = out.split("\n#").skip(1);
    let found = told.find(|text| text.starts_with(&format!("{number} ")));
    found.unwrap_or_else(|| panic!("no packet {number} in {out}"))
}

#[track_caller]
fn tells(out: &str, number: usize, words: &[&str]) {
    let told = of(out, number);
    for word in words {
        assert!(told.contains(word), "no {word:?} in {told}");
    }
}

#[test]
fn a_conversation_is_explained_packet_by_packet() {
    let said = explain(&pcap(&conversation()), &[]);
    let out = said.succeeds();
    assert!(out.starts_with("Answers are those of mode proxy at 10.77.0.2.\n"));
    tells(
        out,
        1,
        &[
            "0.000 s  0.0.0.0:68 > 255.255.255.255:67  DISCOVER of 52:54:00:77:00:07\n",
            "class PXEClient, stage rom, UNDI 3.0, network 10.77.0.2",
            "option  93 architecture       7",
            "answer: OFFER, ",
            "profile: \"Lab\" (profiles/lab.yaml): ",
            "strategy: ",
            "siaddr 10.77.0.2",
        ],
    );
    let server = [
        "0.200 s  10.77.0.1:67",
        "OFFER for 52:54",
        "yiaddr 10.77.0.100",
    ];
    tells(out, 2, &server);
    assert!(!of(out, 2).contains("answer:"), "it asks nothing of us");
    let lease = "answer: none: a lease REQUEST: the DHCP server's to answer";
    tells(out, 3, &["REQUEST of 52:54", lease]);
    tells(
        out,
        4,
        &[
            "10.77.0.100:4011 > 10.77.0.2:4011",
            "answer: ACK, ",
            "snponly.efi",
        ],
    );
    tells(
        out,
        5,
        &[
            "TFTP read \"snponly.efi\" (octet, blksize 1432, tsize 0) of 52:54:00:77:00:07\n",
            "answer: the embedded loader\n",
        ],
    );
    tells(
        out,
        6,
        &["answer: a menu for grub by profile \"Lab\": 1 entry\n"],
    );
    tells(out, 7, &["answer: none: a probe, as expected"]);
    assert!(out.ends_with("\n7 packets, 7 explained\n"), "{out}");
}

/// The same packets are the same conversation, whatever tool wrote them down.
#[test]
fn every_form_of_capture_tells_the_same() {
    let packets = conversation();
    let expected = explain(&pcap(&packets), &[]).succeeds().to_owned();
    for link in [1, 113, 276, 101, 228, 0] {
        for order in [Order::Little, Order::Big] {
            for nanoseconds in [false, true] {
                let capture = pcap_of(&packets, link, order, nanoseconds);
                let said = explain(&capture, &[]);
                assert_eq!(said.succeeds(), expected, "link {link}");
            }
        }
    }
    for order in [Order::Little, Order::Big] {
        let said = explain(&pcapng(&packets, order), &[]);
        assert_eq!(said.succeeds(), expected);
    }
}

#[test]
fn what_is_written_down_too_late_is_told_in_its_place() {
    let mut packets = conversation();
    packets.swap(0, 1);
    let said = explain(&pcap(&packets), &[]);
    let out = said.succeeds();
    let (discover, offer) = (out.find("\n#2 "), out.find("\n#1 "));
    assert!(discover.is_some() && discover < offer, "{out}");
}

#[test]
fn a_capture_comes_by_a_pipe_too() {
    use std::io::Write as _;
    let home = crate::folder();
    let args = ["explain", "--pcap", "-", "--server", "10.77.0.2"];
    let mut command = crate::bootjack(home.path(), &args);
    command.stdin(std::process::Stdio::piped());
    command.stdout(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    let bytes = pcap(&conversation());
    let mut pipe = child.stdin.take().unwrap();
    for piece in bytes.chunks(7) {
        pipe.write_all(piece).unwrap();
    }
    drop(pipe);
    let output = child.wait_with_output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success() && out.contains("7 packets, 7 explained"),
        "{out}"
    );
}

/// A machine that does not boot is left out, unless it is asked for.
#[test]
fn the_machines_that_boot_are_told_of_or_the_one_asked_for() {
    let mut packets = conversation();
    packets.push(captured(9_000_000, "dhclient-discover"));
    let capture = pcap(&packets);
    let said = explain(&capture, &[]);
    let out = said.succeeds();
    assert!(!out.contains("aa:de:64"), "{out}");
    let end = "8 packets, 7 explained\n1 on these ports left out: of other machines\n";
    assert!(out.ends_with(end), "{out}");

    let said = explain(&capture, &["--mac", "aa:de:64:f2:1d:59"]);
    let out = said.succeeds();
    tells(out, 8, &["answer: none: no PXEClient or HTTPClient class"]);
    assert!(out.contains("8 packets, 1 explained\n"), "{out}");
    let said = explain(&capture, &["--mac", MAC]);
    assert!(
        said.succeeds().contains("8 packets, 7 explained\n"),
        "{said:?}"
    );
}

/// Whose address was mistyped is told that, and not to take another capture.
#[test]
fn a_machine_that_is_not_in_it_is_told_beside_those_that_are() {
    let absent = ["--mac", "52:54:00:00:00:99"];
    let said = explain(&pcap(&conversation()), &absent);
    let line = format!(
        "\n52:54:00:00:00:99 is not in it; these machines boot in it: {MAC}\n\n7 packets, 0"
    );
    assert!(said.succeeds().contains(&line), "{said:?}");
    assert!(!said.out.contains("tcpdump"), "{said:?}");

    let json = explain(&pcap(&conversation()), &[&absent[..], &["--json"]].concat());
    let end: serde_json::Value = serde_json::from_str(json.succeeds()).unwrap();
    assert_eq!(end["not_in_it"]["machines"], serde_json::json!([MAC]));

    let ordinary = pcap(&[captured(1, "dhclient-discover")]);
    let said = explain(&ordinary, &absent);
    let words = ["is not in it, nor is any machine that boots.", "tcpdump"];
    let out = said.succeeds();
    assert!(words.iter().all(|word| out.contains(word)), "{out}");
}

/// What others say counts for the one that is asked for, although it is not told.
#[test]
fn one_machine_is_told_of_as_beside_all_the_others() {
    let mut packets = conversation();
    packets.insert(0, captured(500_000, "ipxe-rom-discover"));
    packets.insert(4, captured(5_500_000, "ipxe-rom-request"));
    packets.push(captured(9_000_000, "dhclient-discover"));
    let home = crate::folder();
    let config = home.path().join("bootjack.yaml");
    let pool = "mode: dhcp\ndhcp: { networks: [ { subnet: 10.77.0.0/24, pools: [ 10.77.0.100-10.77.0.199 ] } ] }\n";
    fs::write(&config, pool).unwrap();
    let dhcp = ["--config", &config.display().to_string()];
    for mode in [&["--mode", "proxy"][..], &["--mode", "colocated"], &dhcp] {
        let told = |more: &[&str]| {
            let said = explain(&pcap(&packets), &[mode, more, &["--json"]].concat());
            let lines = said.succeeds().lines();
            let lines = lines.map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap());
            let its = lines.filter(|line| line["mac"] == MAC);
            its.collect::<Vec<_>>()
        };
        let alone = told(&["--mac", MAC]);
        assert!(!alone.is_empty(), "{mode:?}");
        assert_eq!(alone, told(&[]), "{mode:?}");
    }
}

#[test]
fn programs_get_json_one_object_a_packet() {
    let said = explain(&pcap(&conversation()), &["--json"]);
    let lines = said.succeeds().lines();
    let lines: Vec<serde_json::Value> = lines.map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(lines.len(), 8);
    let discover = &lines[0];
    assert_eq!(discover["event"], "asked");
    assert_eq!(
        (&discover["packet"], &discover["mac"]),
        (&1.into(), &MAC.into())
    );
    assert_eq!(discover["client"]["stage"], "rom");
    let reply = &discover["answer"]["reply"];
    assert_eq!(reply["message"]["kind"], "OFFER");
    assert_eq!(reply["boot"]["profile"], "Lab");
    assert!(reply["bytes"].as_str().unwrap().starts_with("02010600"));
    let kind = serde_json::json!({"code": 53, "name": "message type", "value": "DISCOVER"});
    assert_eq!(discover["message"]["options"][0], kind);
    assert_eq!(lines[1]["seconds"].to_string(), "0.2");
    assert_eq!(lines[1]["event"], "replied");
    assert_eq!(lines[2]["answer"]["silence"]["reason"], "lease-request");
    assert_eq!(lines[4]["file"], "snponly.efi");
    assert!(lines[4]["answer"]["asset"]["bytes"].as_u64().unwrap() > 1000);
    assert_eq!(lines[7]["packets"], 7);
}

#[test]
fn beside_a_dhcp_server_on_this_host_only_4011_is_ours() {
    let said = explain(&pcap(&conversation()), &["--mode", "colocated"]);
    let out = said.succeeds();
    tells(
        out,
        1,
        &["answer: none: in mode colocated port 67 is the DHCP server's"],
    );
    tells(out, 4, &["answer: ACK, "]);
}

/// A capture of a LAN with bootjack alone: leases are given as the networks say.
#[test]
fn in_mode_dhcp_leases_are_what_the_networks_say() {
    let home = crate::folder();
    let config = home.path().join("bootjack.yaml");
    let pool = "mode: dhcp\ndhcp: { networks: [ { subnet: 10.77.0.0/24, pools: [ 10.77.0.100-10.77.0.199 ] } ] }\n";
    fs::write(&config, pool).unwrap();
    let mut mine = packet::capture("ipxe-rom-request");
    let at = mine.windows(2).position(|two| two == [54, 4]).unwrap();
    mine[at + 2..at + 6].copy_from_slice(&[10, 77, 0, 2]);
    let packets = [
        captured(1_000_000, "ipxe-rom-discover"),
        udp(2_000_000, "0.0.0.0:68", "255.255.255.255:67", &mine),
        captured(3_000_000, "edk2-pxe-request"),
    ];
    let config = config.display().to_string();
    let said = explain(&pcap(&packets), &["--config", &config]);
    let out = said.succeeds();
    tells(
        out,
        1,
        &[
            "answer: OFFER, ",
            "lease: 10.77.0.1",
            "loader: http://10.77.0.2",
        ],
    );
    tells(out, 2, &["answer: ACK, ", "lease: 10.77.0.1"]);
    tells(out, 3, &["answer: none: "]);
}

#[test]
fn a_transfer_that_one_side_ends_is_told() {
    let mut packets = conversation();
    let error = b"\0\x05\0\x08User aborted the transfer\0";
    packets.push(udp(8_000_000, "10.77.0.100:2070", "10.77.0.2:40000", error));
    packets.push(udp(8_100_000, "10.77.0.9:5000", "10.77.0.2:40000", error));
    let said = explain(&pcap(&packets), &[]);
    let out = said.succeeds();
    tells(
        out,
        8,
        &["TFTP ERROR 8 \"User aborted the transfer\" of 52:54:00:77:00:07"],
    );
    assert!(
        out.contains("9 packets, 8 explained\n1 on these ports left out"),
        "{out}"
    );
}

#[test]
fn a_machine_or_a_capture_not_both() {
    use crate::run::run;
    run(&["explain"]).fails(2, &["--mac", "--arch"]);
    let both = ["explain", "--pcap", "x", "--arch", "bios"];
    run(&both).fails(2, &["--pcap", "--arch", "cannot be used with"]);
    let json = ["explain", "--mac", MAC, "--arch", "bios", "--json"];
    run(&json).fails(2, &["--json goes with --pcap"]);
}

//! What an operator sees of a `dhcp:` that is wrong, and that what is right is compiled as written.
//!
//! * `wrong`: findings, each at its place
//! * `compiled`: layers, pools, lease times, options
//! * `reserved`: reservations
//! * `documented`: what README and the shipped config file say
//! * `damage`: texts at random

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

#[path = "networks/compiled.rs"]
mod compiled;
#[path = "networks/damage.rs"]
mod damage;
#[path = "networks/documented.rs"]
mod documented;
#[path = "networks/reserved.rs"]
mod reserved;
#[path = "networks/wrong.rs"]
mod wrong;

use bootjack::network::{Networks, Terms, compile};
use bootjack::wire::Mac;

/// The networks of a text without any finding.
fn networks(text: &str) -> Networks {
    let (networks, findings) = compile("c.yaml", text);
    assert_eq!(findings, []);
    networks.unwrap()
}

fn mac(last: u8) -> Mac {
    Mac::ethernet([0x52, 0x54, 0, 0, 0, last])
}

fn value(terms: &Terms, code: u8) -> Option<&[u8]> {
    Terms::option(&[terms], code).map(|option| &*option.value)
}

const WHOLE: &str = r#"
mode: dhcp
dhcp:
  authoritative: yes
  match-client-id: true
  conflict-check: { method: arp, wait: 500ms }
  quarantine: 30m
  sync: lazy
  lease-time: { min: 5m, default: 1h, max: 1d }
  pxe: single-offer
  options:
    dns: [10.1.0.2, 10.1.0.3]
    domain: lab.example.
    ntp: 10.1.0.2
    mtu: 1400
    time-offset: -3600
    ip-forwarding: off
    custom:
      - { code: 150, ip: 10.0.0.2 }
      - { code: 224, text: hello, always: true }
      - { code: 225, hex: "01 02 ff" }
      - { code: 226, u16: [1, 515] }
  networks:
    - name: lab
      match-client-id: false
      options: { domain: other.example }
      subnets:
        - subnet: 10.1.0.0/24
          options: { routers: 10.1.0.1 }
          lease-time: 2h
          pools:
            - range: 10.1.0.100-10.1.0.199
              exclude: [10.1.0.120-10.1.0.130, 10.1.0.110]
              tags: [lab, fast]
              bootp: true
              pxe: plain
              options: { dns: 10.1.0.9 }
        - subnet: 10.1.1.0/24
    - subnet: 10.2.0.0/24
      lease-time: { max: infinite }
      pools: [10.2.0.10-10.2.0.20, 10.2.0.128/25]
  reservations:
    - { mac: 52-54-00-00-00-01, address: 10.1.0.10, host-name: pc1, profile: Lab A, lease-time: 7d }
    - { client-id: "01:52:54:00:00:00:02", address: 10.1.0.11 }
    - { client-id: printer, address: 10.1.0.12, options: { root-path: "nfs:/x" } }
    - { uuid: b8945908-d6a6-41a9-611d-74a6ab80b83d, address: 10.2.0.5, pxe: offer-4011 }
    - { circuit-id: 0x00040001, address: 10.1.1.7 }
    - { circuit-id: "eth0/1", host-name: anywhere }
"#;

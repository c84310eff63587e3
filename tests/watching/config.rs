//! The config file: its `dhcp:` and `quirks:` are in force at once, its settings after a restart.

use std::fs;
use std::net::Ipv4Addr;
use std::time::Duration;

use bootjack::client::Client;
use bootjack::service::watch::Pace;

use super::{Lab, events, polling, profile};

/// A config file with a reservation.
fn config(address: &str) -> String {
    format!(
        "dhcp:
  networks: [{{subnet: 10.1.0.0/24}}]
  reservations: [{{mac: \"52:54:00:00:00:01\", address: {address}}}]
"
    )
}

fn reserved(lab: &Lab) -> Vec<String> {
    let snapshot = lab.shared.snapshot.load();
    let all = snapshot.networks.reservations.iter();
    all.filter_map(|r| Some(r.address?.to_string())).collect()
}

async fn a_changed_reservation_is_in_force(pace: Pace) {
    let lab = Lab::new(pace, |dir| {
        fs::create_dir(dir.join("profiles")).unwrap();
        fs::write(dir.join("profiles/a.yaml"), profile("a", 1)).unwrap();
        fs::write(dir.join("bootjack.yaml"), config("10.1.0.10")).unwrap();
    });
    assert_eq!(reserved(&lab), ["10.1.0.10"]);
    fs::write(lab.path("bootjack.yaml"), config("10.1.0.11")).unwrap();
    lab.until("the changed one", |lab| reserved(lab) == ["10.1.0.11"])
        .await;
    fs::write(lab.path("bootjack.yaml"), config("10.9.0.11")).unwrap();
    lab.until_finding("bootjack.yaml:3:54: error: 10.9.0.11 is in no subnet")
        .await;
    assert_eq!(reserved(&lab), ["10.1.0.11"], "the last good set stays");
    // As editors save.
    fs::write(lab.path("new"), config("10.1.0.12")).unwrap();
    fs::rename(lab.path("new"), lab.path("bootjack.yaml")).unwrap();
    lab.until("the mended one", |lab| reserved(lab) == ["10.1.0.12"])
        .await;
    assert!(lab.shared.findings.load().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_reservation_is_in_force_by_events() {
    a_changed_reservation_is_in_force(events()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_reservation_is_in_force_by_polling() {
    a_changed_reservation_is_in_force(polling()).await;
}

/// A config file with a quirk.
fn quirk(delay: &str) -> String {
    format!(
        "quirks:
  - {{name: slow, tells: {{mac: \"52:54:00\"}}, changes: {{delay: {delay}}}}}
"
    )
}

/// How long a machine of that row waits for its OFFER.
fn delay(lab: &Lab) -> Option<Duration> {
    let mac = "52:54:00:00:00:01".parse().unwrap();
    let client = Client::unknown(mac, Ipv4Addr::UNSPECIFIED);
    let snapshot = lab.shared.snapshot.load();
    snapshot.quirks.treat(&client).set(|changes| changes.delay)
}

async fn a_changed_quirk_is_in_force(pace: Pace) {
    let lab = Lab::new(pace, |dir| {
        fs::create_dir(dir.join("profiles")).unwrap();
        fs::write(dir.join("profiles/a.yaml"), profile("a", 1)).unwrap();
        fs::write(dir.join("bootjack.yaml"), quirk("1s")).unwrap();
    });
    let second = Duration::from_secs(1);
    assert_eq!(delay(&lab), Some(second));
    fs::write(lab.path("bootjack.yaml"), quirk("2s")).unwrap();
    lab.until("the changed one", |lab| delay(lab) == Some(2 * second))
        .await;
    fs::write(lab.path("bootjack.yaml"), quirk("9s")).unwrap();
    lab.until_finding("bootjack.yaml:2:61: error: delay: \"9s\" cannot be used")
        .await;
    assert_eq!(delay(&lab), Some(2 * second), "the last good set stays");
    fs::write(lab.path("bootjack.yaml"), "quirks:\n").unwrap();
    lab.until("none", |lab| delay(lab).is_none()).await;
    assert!(lab.shared.findings.load().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_quirk_is_in_force_by_events() {
    a_changed_quirk_is_in_force(events()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_quirk_is_in_force_by_polling() {
    a_changed_quirk_is_in_force(polling()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_setting_is_told_to_wait_for_a_restart() {
    let lab = Lab::with_profiles(events(), &[("a.yaml", profile("a", 1))]);
    let notices = |lab: &Lab| {
        let counted = lab.shared.metrics.text().unwrap();
        counted.contains("event=\"notice\"} 1\n")
    };
    assert!(!notices(&lab));
    fs::write(lab.path("bootjack.yaml"), "http-port: 81\n").unwrap();
    lab.until("the notice", notices).await;
    assert_eq!(lab.names(), ["a"]);
}

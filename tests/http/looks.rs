//! What an operator looks at: API, metrics, health, status page.

use std::sync::Arc;

use bootjack::event::What;
use bootjack::wire::Mac;
use bootjack::yaml::{Finding, Severity};

use crate::lab::{Lab, MAC, until};

fn finding(text: &str) -> Finding {
    Finding {
        severity: Severity::Error,
        file: "20-lab.yaml".into(),
        line: 3,
        column: 7,
        text: text.into(),
        message: "unknown key".into(),
        hint: Some("did you mean \"menu\"?".into()),
    }
}

#[test]
fn the_list_of_machines_has_what_is_known_of_each() {
    let lab = Lab::new();
    lab.get("/nothing");
    let reply = lab.get("/api/v1/clients");
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let machine = &reply.json()["clients"][0];
    for (field, expected) in [
        ("mac", serde_json::json!("52:54:00:12:34:56")),
        ("ip", "127.0.0.1".into()),
        ("archs", serde_json::json!([7])),
        ("platform", "efi-x64".into()),
        ("stage", "ipxe".into()),
        ("class", "pxe".into()),
        ("undi", serde_json::json!([3, 16])),
        ("uuid", serde_json::Value::Null),
        ("profile", serde_json::Value::Null),
    ] {
        assert_eq!(machine[field], expected, "{field}");
    }
    assert_eq!(machine["last_event"]["event"], "not-found");
    assert_eq!(machine["last_event"]["path"], "nothing");
}

#[test]
fn one_machine_is_found_under_every_spelling() {
    let lab = Lab::new();
    lab.get("/nothing");
    for spelling in [
        "52:54:00:12:34:56",
        "52-54-00-12-34-56",
        "5254.0012.3456",
        "525400123456",
        "52%3A54%3A00%3A12%3A34%3A56",
        "52:54:0:12:34:56/",
    ] {
        let reply = lab.get(&format!("/api/v1/clients/{spelling}"));
        assert_eq!(reply.status, 200, "{spelling}");
        assert_eq!(reply.json()["mac"], "52:54:00:12:34:56", "{spelling}");
        assert_eq!(
            reply.json()["timeline"][0]["event"],
            "not-found",
            "{spelling}"
        );
    }
}

#[test]
fn a_machine_that_only_has_events_is_shown_with_them() {
    let lab = Lab::new();
    let stranger = Mac::ethernet([2, 0, 0, 0, 0, 9]);
    let text = "seen without a request".to_owned();
    lab.shared.emit(Some(stranger), What::Notice { text });
    let story = lab.get("/api/v1/clients/020000000009").json();
    assert_eq!(story["timeline"][0]["event"], "notice");
    assert_eq!(story["stage"], serde_json::Value::Null);
    let all = lab.get("/api/v1/clients").json();
    assert_eq!(all["clients"].as_array().unwrap().len(), 2);
}

#[test]
fn what_the_api_does_not_have_is_an_error_in_json() {
    let lab = Lab::new();
    for target in [
        "/api",
        "/api/v1",
        "/api/v2/clients",
        "/api/v1/clients/02:00:00:00:00:01",
        "/api/v1/clients/%22%3E",
        "/api/v1/clients/52:54:00:12:34:56/more",
        "/api/v1/findings/1",
    ] {
        let reply = lab.get(target);
        assert_eq!(reply.status, 404, "{target}");
        assert_eq!(
            reply.header("content-type"),
            Some("application/json"),
            "{target}"
        );
        assert!(
            !reply.json()["error"].as_str().unwrap().is_empty(),
            "{target}"
        );
    }
}

#[test]
fn findings_are_as_the_folder_is_now() {
    let lab = Lab::new();
    assert_eq!(lab.get("/api/v1/findings").text(), r#"{"findings":[]}"#);
    lab.shared.findings.store(Arc::new(vec![finding("mneu:")]));
    let findings = lab.get("/api/v1/findings").json();
    assert_eq!(findings["findings"][0]["file"], "20-lab.yaml");
    assert_eq!(findings["findings"][0]["line"], 3);
    assert_eq!(findings["findings"][0]["severity"], "error");
}

#[test]
fn metrics_are_bounded_whatever_strangers_ask() {
    let lab = Lab::new();
    let series = || {
        let text = lab.curl(&["BASE/metrics"]);
        assert!(text.ends_with("# EOF\n"));
        text.lines().filter(|l| !l.starts_with('#')).count()
    };
    lab.get("/first");
    let before = series();
    for n in 0..50 {
        lab.get(&format!("/stranger-{n}"));
    }
    assert_eq!(series(), before);
    assert_eq!(lab.metric("bootjack_not_found_total{door=\"http\"}"), 51);
    let media = lab
        .get("/metrics")
        .header("content-type")
        .unwrap()
        .to_owned();
    assert!(media.starts_with("application/openmetrics-text"), "{media}");
}

#[test]
fn health_is_one_word() {
    let lab = Lab::new();
    let reply = lab.get("/healthz");
    assert_eq!((reply.status, &*reply.text()), (200, "ok\n"));
    assert_eq!(
        reply.header("content-type"),
        Some("text/plain; charset=utf-8")
    );
}

#[test]
fn the_page_says_how_many_machines_it_does_not_show() {
    let lab = Lab::new();
    for n in 0..300_u16 {
        let [a, b] = n.to_be_bytes();
        let mac = Mac::ethernet([2, 0, 0, 1, a, b]);
        let text = "seen".to_owned();
        lab.shared.emit(Some(mac), What::Notice { text });
    }
    let page = lab.get("/").text();
    assert!(
        page.contains("and 101 more"),
        "300 heard of, 1 known, 200 shown"
    );
    let all = lab.get("/api/v1/clients").json();
    assert_eq!(all["clients"].as_array().unwrap().len(), 301);
    assert!(!page.contains("Serving HTTP on") && page.contains(&lab.address.to_string()));
}

#[test]
fn the_page_shows_machines_and_findings_and_escapes_what_strangers_wrote() {
    let lab = Lab::new();
    let empty = lab.get("/");
    assert!(empty.text().contains("No findings"), "{}", empty.text());
    assert!(empty.text().contains(&lab.address.to_string()));
    let attack = "<script>alert('1')</script>";
    lab.raw(b"GET /%3Cscript%3Ealert('1')%3C/script%3E HTTP/1.0\r\n\r\n");
    lab.shared.findings.store(Arc::new(vec![finding(attack)]));
    let page = until(
        || Some(lab.get("/")).filter(|p| p.text().contains("not-found")),
        || "the event on the page".into(),
    );
    let text = page.text();
    assert!(
        text.contains(&MAC.to_string()) && text.contains("20-lab.yaml:3:7"),
        "{text}"
    );
    assert!(!text.contains("<script"), "{text}");
    assert_eq!(text.matches("&lt;script&gt;").count(), 2, "{text}");
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    assert!(!text.contains("http://") && !text.contains("https://") && !text.contains("src="));
}

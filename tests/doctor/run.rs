//! The command in a host of the lab, and its report.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::lan::Host;

const BOOTJACK: &str = env!("CARGO_BIN_EXE_bootjack");
/// It is to take under 15 s; a busy machine gets more.
const MOST: Duration = Duration::from_secs(25);

/// A report.
#[derive(Debug)]
pub struct Report {
    /// `--json`'s data.
    pub data: Value,
}

/// Runs `bootjack doctor …`; exit code, standard output, standard error.
pub fn doctor(host: &Host, args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = host.command("env");
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("BOOTJACK_") {
            command.arg("-u").arg(name);
        }
    }
    let began = Instant::now();
    let output = command
        .args([BOOTJACK, "doctor"])
        .args(args)
        .output()
        .unwrap();
    let took = began.elapsed();
    println!("bootjack doctor {args:?} took {took:.1?}");
    assert!(took < MOST, "it took {took:?}");
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// Its report as data. Findings and exit code agree.
pub fn examine(host: &Host, args: &[&str]) -> Report {
    let args = [args, &["--json"]].concat();
    let (code, out, err) = doctor(host, &args);
    let data: Value =
        serde_json::from_str(&out).unwrap_or_else(|e| panic!("no JSON: {e}\n{out}\n{err}"));
    let report = Report { data };
    let counts = report.findings().iter().any(|f| f["severity"] != "info");
    assert_eq!(report.data["healthy"], !counts);
    assert_eq!(code, Some(i32::from(counts)), "{:#}", report.data);
    report
}

impl Report {
    /// All findings.
    pub fn findings(&self) -> &[Value] {
        self.data["findings"].as_array().unwrap()
    }

    /// The codes of all findings, infos left out; sorted.
    pub fn codes(&self) -> Vec<&str> {
        let counting = self.findings().iter().filter(|f| f["severity"] != "info");
        let mut codes: Vec<&str> = counting.map(|f| f["code"].as_str().unwrap()).collect();
        codes.sort_unstable();
        codes.dedup();
        codes
    }

    /// What was seen, of the first finding with this code.
    pub fn what(&self, code: &str) -> &str {
        let mut all = self.findings().iter();
        let found = all.find(|f| f["code"] == code);
        let found = found.unwrap_or_else(|| panic!("no {code} in {:#}", self.data));
        found["what"].as_str().unwrap()
    }

    /// The mode of the bootjack that runs already, and the one that the LAN wants.
    pub fn modes(&self) -> (&str, &str) {
        let verdict = &self.data["verdict"];
        let mode = &verdict["running"]["mode"];
        (mode.as_str().unwrap(), verdict["wanted"].as_str().unwrap())
    }

    /// The command it recommends, or nothing.
    pub fn command(&self) -> &str {
        self.data["verdict"]["command"].as_str().unwrap_or_default()
    }

    /// The first thing to be written down: into whose configuration, and what.
    pub fn config(&self) -> (&str, &str) {
        let first = &self.data["verdict"]["config"][0];
        (first[0].as_str().unwrap(), first[1].as_str().unwrap())
    }

    /// Offers heard on the first interface.
    pub fn offers(&self) -> &[Value] {
        self.data["interfaces"][0]["offers"].as_array().unwrap()
    }
}

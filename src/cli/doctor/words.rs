//! The report in plain words: the verdict, what is wrong, what to do, and last what was seen.
//!
//! It stays short on a host with many interfaces: what is the same on several is said once, and
//! lists are bounded. `--json` has everything.

use std::fmt::Write as _;

use super::seen;
use crate::doctor::{Code, Diagnosis, Finding, Observed, Severity, listed};

/// Columns of a line of explanation.
const WIDTH: usize = 100;
/// Different findings of one code that are shown.
const SHOWN: usize = 5;

pub(super) fn report(observed: &Observed, diagnosis: &Diagnosis) -> String {
    let mut out = format!("{}\n\n", headline(diagnosis));
    let (grave, infos): (Vec<&Finding>, Vec<&Finding>) = diagnosis
        .findings
        .iter()
        .filter(|f| f.code != Code::OWN_PROXY_HEARD) // the verdict says it
        .partition(|f| f.severity != Severity::Info);
    findings(&grave, &mut out);
    if !(diagnosis.healthy() && diagnosis.verdict.is_met()) {
        let blocked = grave.iter().any(|f| f.severity == Severity::Error);
        let settings = grave.iter().any(|f| f.code.is_mended_by_a_setting());
        out.push_str(&diagnosis.verdict.steps(blocked, settings));
        out.push_str("\n\n");
    }
    // Writing to a string does not fail.
    let _ = seen::write(observed, &mut out);
    if !infos.is_empty() {
        out.push('\n');
    }
    findings(&infos, &mut out);
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

/// The first line says it all.
fn headline(diagnosis: &Diagnosis) -> String {
    let all: Vec<&Finding> = diagnosis.findings.iter().collect();
    let groups = groups(&all);
    let count = |severity, word: &str| {
        let found = groups.iter().filter(|g| g.severity == severity);
        match found.count() {
            0 => None,
            1 => Some(format!("1 {word}")),
            n => Some(format!("{n} {word}s")),
        }
    };
    let counts = [
        count(Severity::Error, "error"),
        count(Severity::Warning, "warning"),
    ];
    let counts: Vec<String> = counts.into_iter().flatten().collect();
    let state = match counts.as_slice() {
        [] => "all is well".to_owned(),
        counts => counts.join(", "),
    };
    let (verdict, healthy) = (&diagnosis.verdict, diagnosis.healthy());
    let rest = if healthy && verdict.is_met() {
        ", and there is nothing to do"
    } else {
        ""
    };
    format!("Verdict: {state}: {}{rest}.", printable(&verdict.why))
}

/// Findings of one code and weight, with what was found and on which interfaces.
struct Group<'f> {
    severity: Severity,
    code: Code,
    first: &'f Finding,
    found: Vec<(&'f str, Vec<&'f str>)>,
}

fn groups<'f>(findings: &[&'f Finding]) -> Vec<Group<'f>> {
    let mut groups: Vec<Group<'f>> = Vec::new();
    for finding in findings {
        let same = |g: &&mut Group| (g.severity, g.code) == (finding.severity, finding.code);
        if let Some(group) = groups.iter_mut().find(same) {
            group.add(finding);
            continue;
        }
        let mut group = Group {
            severity: finding.severity,
            code: finding.code,
            first: finding,
            found: Vec::new(),
        };
        group.add(finding);
        groups.push(group);
    }
    groups
}

impl<'f> Group<'f> {
    fn add(&mut self, finding: &'f Finding) {
        let on = finding.interface.as_deref();
        let mut found = self.found.iter_mut();
        match found.find(|(what, _)| *what == finding.what) {
            Some((_, all)) => all.extend(on),
            None => self.found.push((&finding.what, on.into_iter().collect())),
        }
    }
}

fn findings(findings: &[&Finding], out: &mut String) {
    for group in groups(findings) {
        let _ = one(&group, out);
    }
}

fn one(group: &Group<'_>, out: &mut String) -> std::fmt::Result {
    write!(out, "{} {}", group.severity, group.code)?;
    let place = |on: &[&str]| match on {
        [] => String::new(),
        on => format!(" on {}", listed(on.iter())),
    };
    match group.found.as_slice() {
        [(what, on)] => writeln!(out, "{}: {}", place(on), printable(what))?,
        several => {
            writeln!(out, ":")?;
            for (what, on) in several.iter().take(SHOWN) {
                writeln!(out, "  {}{}", printable(what), place(on))?;
            }
            if let Some(more @ 1..) = several.len().checked_sub(SHOWN) {
                writeln!(out, "  and {more} more like these (--json has them)")?;
            }
        }
    }
    wrapped("  means: ", group.first.meaning, out);
    wrapped("  do:    ", group.first.remedy, out);
    out.push('\n');
    Ok(())
}

/// A text behind a label, in lines that begin below each other.
fn wrapped(label: &str, text: &str, out: &mut String) {
    let indent = label.len();
    let mut column = indent;
    out.push_str(label);
    for word in text.split(' ') {
        let width = word.chars().count();
        if column > indent && column + 1 + width > WIDTH {
            let _ = write!(out, "\n{:indent$}", "");
            column = indent;
        } else if column > indent {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += width;
    }
    out.push('\n');
}

/// What a server on the LAN says is shown, not obeyed: no control character reaches the terminal.
pub(super) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_on_the_lan_cannot_draw_on_the_terminal() {
        let forged = "file \"\u{1b}[31mRED\u{7}\nNothing is wrong here. ü\"";
        let shown = "file \"\\u{1b}[31mRED\\u{7}\\nNothing is wrong here. ü\"";
        assert_eq!(printable(forged), shown);
    }

    fn told(all: &[Finding]) -> String {
        let mut out = String::new();
        findings(&all.iter().collect::<Vec<_>>(), &mut out);
        out
    }

    #[test]
    fn what_is_the_same_on_many_interfaces_is_said_once() {
        let on = |n: usize, what: String| {
            Finding::on(
                &format!("eth{n}"),
                Code::NO_DHCP_SERVER,
                Severity::Warning,
                what,
            )
        };
        let same: Vec<Finding> = (0..40).map(|n| on(n, "nobody".into())).collect();
        let text = told(&same);
        let first = "warning no-dhcp-server on eth0, eth1 and 38 more: nobody\n  means: Nobody";
        assert!(text.starts_with(first), "{text}");
        assert_eq!(text.matches("  do:").count(), 1);
        let differing: Vec<Finding> = (0..40).map(|n| on(n, format!("no {n}"))).collect();
        let text = told(&differing);
        let head = "warning no-dhcp-server:\n  no 0 on eth0\n  no 1 on eth1\n";
        assert!(text.starts_with(head), "{text}");
        assert!(text.contains("\n  and 35 more like these"), "{text}");
        assert!(text.lines().count() < 15, "{text}");
    }

    #[test]
    fn long_texts_are_wrapped() {
        let mut out = String::new();
        wrapped("  do: ", &"word ".repeat(30), &mut out);
        let lines: Vec<&str> = out.lines().collect();
        assert!(
            lines.len() == 2 && lines[1].starts_with("      word"),
            "{out}"
        );
        assert!(lines.iter().all(|l| l.len() <= WIDTH), "{out}");
    }
}

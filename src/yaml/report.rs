//! Collects what is wrong in one file, with the line it stands on.

use std::sync::Arc;

use super::finding::{Finding, Severity, counted};
use super::node::{self, At, FileKind, Node};
use super::twice::{self, Twice};

/// At most this many findings are shown a file, errors before warnings; one more says how many were
/// left out.
const MAX_FINDINGS: usize = 50;
/// At most this much of the offending line is shown, in characters.
const MAX_TEXT: usize = 160;

/// The findings of one file, in the order they were met.
#[derive(Debug)]
pub struct Report<'a> {
    file: &'a Arc<str>,
    source: &'a str,
    errors: Vec<Finding>,
    warnings: Vec<Finding>,
    /// Errors and warnings that are not kept.
    left_out: [usize; 2],
}

impl<'a> Report<'a> {
    /// Nothing found yet in `file`, whose text is `source`.
    pub fn new(file: &'a Arc<str>, source: &'a str) -> Self {
        Self {
            file,
            source,
            errors: Vec::new(),
            warnings: Vec::new(),
            left_out: [0; 2],
        }
    }

    /// The file's text.
    pub fn source(&self) -> &'a str {
        self.source
    }

    /// What makes the file unusable.
    pub fn error(&mut self, at: At, message: impl Into<String>, hint: impl Into<Option<String>>) {
        self.add(Severity::Error, at, message.into(), hint.into());
    }

    /// What is worth a look.
    pub fn warn(&mut self, at: At, message: impl Into<String>, hint: impl Into<Option<String>>) {
        self.add(Severity::Warning, at, message.into(), hint.into());
    }

    /// Whether an error was found.
    pub fn is_wrong(&self) -> bool {
        !self.errors.is_empty()
    }

    /// The tree of the file's text, unless it is too large or no YAML.
    pub fn parse(&mut self, kind: &FileKind) -> Option<Node> {
        if self.source.len() > kind.most {
            let message = format!("the file is larger than {} MiB", kind.most >> 20);
            self.error(At::default(), message, kind.too_much.to_owned());
            return None;
        }
        match node::parse(self.source, kind) {
            Ok(node) => {
                self.told_twice(&node);
                Some(node)
            }
            Err(problem) => {
                self.error(problem.at, problem.message, problem.hint);
                None
            }
        }
    }

    fn told_twice(&mut self, node: &Node) {
        for Twice { key, at, first } in twice::all(node) {
            let message = format!("the key \"{}\" is given twice", key.escape_debug());
            let hint = format!("keep one of the two; the first is in line {}", first.line);
            self.error(at, message, hint);
        }
    }

    /// Everything found, by line.
    pub fn finish(self) -> Vec<Finding> {
        let [errors, warnings] = self.left_out;
        let mut findings = self.errors;
        let room = MAX_FINDINGS.saturating_sub(findings.len());
        let left_out = errors + warnings + self.warnings.len().saturating_sub(room);
        findings.extend(self.warnings.into_iter().take(room));
        findings.sort_by_key(|f| (f.line, f.column));
        if left_out == 0 {
            return findings;
        }
        let more = counted(left_out, "more finding");
        let verb = if left_out == 1 { "is" } else { "are" };
        findings.push(Finding {
            severity: match errors {
                0 => Severity::Warning,
                _ => Severity::Error,
            },
            file: self.file.clone(),
            line: 0,
            column: 0,
            text: String::new(),
            message: format!("{more} in this file {verb} not shown"),
            hint: Some("mend those above first".to_owned()),
        });
        findings
    }

    fn add(&mut self, severity: Severity, at: At, message: String, hint: Option<String>) {
        let [errors, warnings] = &mut self.left_out;
        let (kept, left_out) = match severity {
            Severity::Error => (&mut self.errors, errors),
            Severity::Warning => (&mut self.warnings, warnings),
        };
        if kept.len() >= MAX_FINDINGS {
            *left_out += 1;
            return;
        }
        kept.push(Finding {
            severity,
            file: self.file.clone(),
            line: at.line,
            column: at.column,
            text: line_of(self.source, at),
            message,
            hint,
        });
    }
}

/// The line at `at`, cut to [`MAX_TEXT`], control characters as blanks; empty where the place is
/// further right than that, since the caret would point beside it.
pub fn line_of(source: &str, at: At) -> String {
    let (line, column) = (at.line as usize, at.column as usize);
    if line == 0 || column > MAX_TEXT {
        return String::new();
    }
    let text = source.lines().nth(line - 1).unwrap_or_default();
    let visible = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().take(MAX_TEXT).map(visible).collect()
}

/// The place of a byte of the source.
pub fn place_of(source: &str, byte: usize) -> At {
    let before = source.get(..byte).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |i| i + 1);
    let lines = before.bytes().filter(|b| *b == b'\n').count();
    let columns = before.get(line_start..).map_or(0, |l| l.chars().count());
    At {
        line: lines as u32 + 1,
        column: columns as u32 + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_counted_in_characters() {
        let source = "a: 1\nö: [x,\ty]\n";
        let byte = source.find('y').unwrap();
        let at = place_of(source, byte);
        assert_eq!((at.line, at.column), (2, 8));
        assert_eq!(line_of(source, at), "ö: [x, y]");
    }

    #[test]
    fn findings_are_bounded_and_say_so() {
        let file: Arc<str> = "x.yaml".into();
        let mut report = Report::new(&file, "");
        for line in 1..200 {
            report.error(At { line, column: 1 }, "no", None);
        }
        let findings = report.finish();
        assert_eq!(findings.len(), MAX_FINDINGS + 1);
        assert!(findings[MAX_FINDINGS].message.starts_with("149 more"));
    }

    #[test]
    fn warnings_do_not_crowd_an_error_out() {
        let file: Arc<str> = "x.yaml".into();
        let mut report = Report::new(&file, "");
        for line in 1..=50 {
            report.warn(At { line, column: 1 }, "hm", None);
        }
        let at = At {
            line: 99,
            column: 1,
        };
        report.error(at, "no", None);
        let findings = report.finish();
        assert_eq!(findings[49].message, "no");
        assert_eq!(
            findings[50].to_string(),
            "x.yaml: warning: 1 more finding in this file is not shown\n    mend those above first"
        );
    }
}

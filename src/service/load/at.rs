//! Findings about parts of profiles, at their place in the file.

use std::collections::HashMap;

use super::about;
use crate::profile::{Compiler, Part, Profile, Source};
use crate::yaml::{Finding, Severity, report::line_of};

/// Knows the texts of the last set of profiles, and where the parts of each stand.
pub struct Pen<'a> {
    compiler: &'a Compiler,
    texts: HashMap<&'a str, &'a str>,
}

impl<'a> Pen<'a> {
    /// For the set that was compiled last, of these sources.
    pub fn new(compiler: &'a Compiler, sources: &'a [Source]) -> Self {
        let texts = sources.iter().map(|s| (s.file.as_ref(), s.text.as_str()));
        Self {
            compiler,
            texts: texts.collect(),
        }
    }

    /// What is worth a look in a part of a profile, and what to do.
    pub fn warning(
        &self,
        (profile, part): (&Profile, Part),
        message: String,
        hint: &str,
    ) -> Finding {
        self.finding(Severity::Warning, (profile, part), message, hint)
    }

    /// What makes a part of a profile unusable, and what to do.
    pub fn error(&self, (profile, part): (&Profile, Part), message: String, hint: &str) -> Finding {
        self.finding(Severity::Error, (profile, part), message, hint)
    }

    fn finding(
        &self,
        severity: Severity,
        (profile, part): (&Profile, Part),
        message: String,
        hint: &str,
    ) -> Finding {
        let file = profile.file.as_ref();
        let at = self.compiler.place(file, part);
        let text = self.texts.get(file).copied().unwrap_or_default();
        Finding {
            line: at.line,
            column: at.column,
            text: line_of(text, at),
            ..about(file, severity, message, hint)
        }
    }
}

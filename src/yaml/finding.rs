//! What is wrong in a file an operator wrote: where, what, and what to write instead; how many of
//! something there are, in words.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth a look; the file is in force.
    Warning,
    /// The file cannot be used; the last good set stays.
    Error,
}

/// `1 error`, `2 errors`, `3 entries`, `4 addresses`
pub fn counted<N: Copy + PartialEq + From<u8> + fmt::Display>(n: N, one: &str) -> String {
    match (n == 1.into(), one.strip_suffix('y')) {
        (true, _) => format!("1 {one}"),
        (_, Some(stem)) => format!("{n} {stem}ies"),
        (_, None) if one.ends_with('s') => format!("{n} {one}es"),
        _ => format!("{n} {one}s"),
    }
}

/// One thing wrong at one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad.
    pub severity: Severity,
    /// The file, as the operator would name it.
    pub file: Arc<str>,
    /// 1-based line; 0 when the finding is about the whole file.
    pub line: u32,
    /// 1-based column in characters; 0 with `line` 0.
    pub column: u32,
    /// The offending line as it stands in the file (at most 160 characters), or empty.
    pub text: String,
    /// What is wrong and what was expected.
    pub message: String,
    /// "did you mean …", or what to do.
    pub hint: Option<String>,
}

impl Finding {
    /// About a whole file or folder, without a hint.
    pub fn whole(
        file: impl Into<Arc<str>>,
        severity: Severity,
        message: impl Into<String>,
    ) -> Self {
        Self {
            severity,
            file: file.into(),
            line: 0,
            column: 0,
            text: String::new(),
            message: message.into(),
            hint: None,
        }
    }

    /// With what to do.
    #[must_use]
    pub fn hinted(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }
}

impl fmt::Display for Finding {
    /// `file:line:column: error: message` and, below it, the text with a caret and the hint.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        write!(f, "{}", self.file)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        write!(f, ": {severity}: {}", self.message)?;
        if !self.text.is_empty() {
            let pad = " ".repeat(self.column.saturating_sub(1) as usize);
            write!(f, "\n    {}\n    {pad}^", self.text)?;
        }
        match &self.hint {
            Some(hint) => write!(f, "\n    {hint}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn one_is_not_many() {
        for (n, one, said) in [
            (0, "error", "0 errors"),
            (1, "error", "1 error"),
            (2, "entry", "2 entries"),
            (3, "address", "3 addresses"),
        ] {
            assert_eq!(counted(n, one), said);
        }
        assert_eq!(counted(1_u64, "byte"), "1 byte");
    }
}

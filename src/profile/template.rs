//! `{{ mac }}` in kernel arguments and scripts: what a template may say, and how it is filled.
//!
//! The language is small on purpose: `{{ name }}`, the filters of [`FILTERS`], `{% if %}`, and
//! `{% raw %}`. There are no loops, assignments or includes, so a template's cost is bounded by its
//! length. An unknown name is an error, never an empty text. `compile` checks every template with
//! [`problems`], so rendering fails only past [`MAX_OUTPUT`] or in a branch that no check reached.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::ops::Range;
use std::sync::LazyLock;

use minijinja::{Environment, Error, UndefinedBehavior, filters, tests::is_defined};

use super::model::Template;
use crate::yaml::similar;

/// The names every template knows, beside the profile's own `vars`.
pub const NAMES: [&str; 7] = ["mac", "uuid", "ip", "arch", "server", "http", "serial"];
/// The filters a template may use.
pub const FILTERS: [&str; 6] = ["upper", "lower", "trim", "default", "replace", "length"];
/// The longest text a template may become, in bytes.
pub const MAX_OUTPUT: usize = 64 << 10;
const STATEMENTS: [&str; 6] = ["if", "elif", "else", "endif", "raw", "endraw"];
const MAX_STEPS: u64 = 10_000;

/// What every name stands for, the profile's own `vars` among them. A name a client has no value
/// for (`uuid`, `ip`, `serial`) is there and empty.
pub type Values = BTreeMap<String, String>;

/// The template cannot be filled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RenderError(String);

impl Template {
    /// The text for one client.
    ///
    /// # Errors
    /// An unknown name in a branch no check reached, or more than [`MAX_OUTPUT`] bytes.
    pub fn render(&self, values: &Values) -> Result<String, RenderError> {
        if !self.0.contains('{') {
            return Ok(self.0.clone());
        }
        fill(&self.0, values).map_err(|e| RenderError(words(&e)))
    }
}

/// What is wrong in a template and in which bytes of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Flaw {
    /// The part that is wrong.
    pub part: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What to write.
    pub hint: Option<String>,
}

/// Everything wrong with a template of a profile with these variables, and, where nothing is, what
/// it becomes for a client of `sample`.
pub(super) fn check(template: &str, sample: &Values) -> Result<String, Vec<Flaw>> {
    if !template.contains('{') {
        return Ok(template.to_owned());
    }
    let flaws = forbidden(template);
    if !flaws.is_empty() {
        return Err(flaws);
    }
    let parsed = ENGINE.template_from_str(template);
    let parsed = parsed.map_err(|e| vec![flaw(&e, template)])?;
    let flaws = unknown(template, parsed.undeclared_variables(false), sample);
    if !flaws.is_empty() {
        return Err(flaws);
    }
    fill(template, sample).map_err(|e| vec![flaw(&e, template)])
}

static ENGINE: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut engine = Environment::empty();
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    engine.set_fuel(Some(MAX_STEPS));
    engine.add_filter("upper", filters::upper);
    engine.add_filter("lower", filters::lower);
    engine.add_filter("trim", filters::trim);
    engine.add_filter("default", filters::default);
    engine.add_filter("replace", replace);
    engine.add_filter("length", filters::length);
    engine.add_test("defined", is_defined);
    engine
});

/// Like the usual filter, but what it makes is bounded: chained, it would grow without one.
fn replace(text: &str, from: &str, to: &str) -> Result<String, Error> {
    let times = text.matches(from).count();
    if text.len().saturating_add(times.saturating_mul(to.len())) > MAX_OUTPUT {
        return Err(too_long());
    }
    Ok(text.replace(from, to))
}

fn too_long() -> Error {
    let text = "the text becomes longer than 64 KiB";
    Error::new(minijinja::ErrorKind::InvalidOperation, text)
}

fn fill(template: &str, values: &Values) -> Result<String, Error> {
    let template = ENGINE.template_from_str(template)?;
    let mut output = Bounded(Vec::new());
    template.render_captured_to(minijinja::value::Serde(values), &mut output)?;
    String::from_utf8(output.0).map_err(|_| too_long())
}

struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_OUTPUT {
            return Err(io::Error::other("the text becomes longer than 64 KiB"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Statements that templates do not have.
fn forbidden(template: &str) -> Vec<Flaw> {
    let mut flaws = Vec::new();
    for (start, _) in template.match_indices("{%") {
        let inside = template.get(start + 2..).unwrap_or_default();
        let skipped = inside.len() - inside.trim_start_matches(['-', '+', ' ', '\t', '\n']).len();
        let word: String = inside
            .chars()
            .skip(skipped)
            .take_while(char::is_ascii_alphabetic)
            .collect();
        if !STATEMENTS.contains(&word.as_str()) {
            let from = start + 2 + skipped;
            flaws.push(Flaw {
                part: from..from + word.len(),
                message: format!("templates have no \"{{% {word} %}}\""),
                hint: Some(format!("there is {{% {} %}}", STATEMENTS.join(" %}, {% "))),
            });
        }
    }
    flaws
}

fn unknown(template: &str, used: impl IntoIterator<Item = String>, sample: &Values) -> Vec<Flaw> {
    let known: Vec<&str> = sample.keys().map(String::as_str).collect();
    let unknown = used
        .into_iter()
        .filter(|name| !known.contains(&name.as_str()));
    let mut flaws: Vec<Flaw> = unknown
        .map(|name| Flaw {
            part: find_word(template, &name),
            message: format!("unknown variable \"{name}\""),
            hint: Some(match name.as_str() {
                "vars" => "use a variable of vars by its own name: {{ name }}".to_owned(),
                _ => similar::hint(&name, known.iter().copied()),
            }),
        })
        .collect();
    flaws.sort_by_key(|flaw| flaw.part.start);
    flaws
}

/// Where a name stands in a template: inside braces, and not as a part of a longer name.
fn find_word(template: &str, word: &str) -> Range<usize> {
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let braces = template
        .find("{{")
        .into_iter()
        .chain(template.find("{%"))
        .min();
    let alone = |at: &usize| {
        let before = template.get(..*at).and_then(|t| t.chars().next_back());
        let after = template
            .get(at + word.len()..)
            .and_then(|t| t.chars().next());
        *at >= braces.unwrap_or(0) && !is_part(before) && !is_part(after)
    };
    let found = template.match_indices(word).map(|(at, _)| at).find(alone);
    found.map_or(0..0, |at| at..at + word.len())
}

fn flaw(error: &Error, template: &str) -> Flaw {
    let part = error.range().unwrap_or(0..0);
    let word = template.get(part.clone()).unwrap_or_default();
    let hint = match error.kind() {
        minijinja::ErrorKind::UnknownFilter => {
            let name = word.split('|').next_back().unwrap_or_default().trim();
            Some(similar::hint(name, FILTERS))
        }
        minijinja::ErrorKind::UnknownTest => Some("there is only \"is defined\"".to_owned()),
        minijinja::ErrorKind::SyntaxError => {
            Some("a variable is written {{ name }}; literal braces stand in {% raw %}".to_owned())
        }
        _ => None,
    };
    Flaw {
        part,
        message: words(error),
        hint,
    }
}

fn words(error: &Error) -> String {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    let detail = cause.or_else(|| error.detail().map(ToOwned::to_owned));
    match detail {
        Some(detail) => format!("the template does not work: {detail}"),
        None => format!("the template does not work: {}", error.kind()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values() -> Values {
        let known = [
            ("mac", "52:54:00:12:34:56"),
            ("uuid", ""),
            ("ip", "10.0.0.9"),
            ("arch", "efi-x64"),
            ("server", "10.0.0.2"),
            ("http", "http://10.0.0.2:8067"),
            ("release", "1.10"),
        ];
        let owned = known.map(|(name, value)| (name.to_owned(), value.to_owned()));
        owned.into_iter().collect()
    }

    #[test]
    fn templates_are_filled() {
        for (template, text) in [
            ("quiet splash", "quiet splash"),
            (
                "url={{ http }}/images/x",
                "url=http://10.0.0.2:8067/images/x",
            ),
            ("r={{ release }}", "r=1.10"),
            ("{{ mac | upper | replace(':', '-') }}", "52-54-00-12-34-56"),
            ("{% if uuid %}u={{ uuid }}{% else %}none{% endif %}", "none"),
            ("{% if arch == 'efi-x64' %}uefi{% endif %}", "uefi"),
            ("{% raw %}{{ mac }}{% endraw %}", "{{ mac }}"),
            ("a <b> & 'c'", "a <b> & 'c'"),
        ] {
            let filled = Template(template.into()).render(&values());
            assert_eq!(filled, Ok(text.to_owned()), "{template}");
        }
    }

    #[test]
    fn flaws_name_the_part_and_the_remedy() {
        for (template, part, message, hint) in [
            (
                "x={{ mca }}",
                "mca",
                "unknown variable \"mca\"",
                "did you mean \"mac\"?",
            ),
            (
                "mca {{ relase }}",
                "relase",
                "unknown variable \"relase\"",
                "did you mean \"release\"?",
            ),
            (
                "{{ vars.x }}",
                "vars",
                "unknown variable \"vars\"",
                "use a variable of vars by its own name: {{ name }}",
            ),
            (
                "{{ mac | uper }}",
                "mac | uper",
                "the template does not work: filter uper is unknown",
                "did you mean \"upper\"?",
            ),
            (
                "{% for x in mac %}{% endfor %}",
                "for",
                "templates have no \"{% for %}\"",
                "there is {% if %}, {% elif %}, {% else %}, {% endif %}, {% raw %}, {% endraw %}",
            ),
            (
                "{{ mac }",
                "}",
                "the template does not work: unexpected `}`, expected end of variable block",
                "a variable is written {{ name }}; literal braces stand in {% raw %}",
            ),
        ] {
            let flaws = check(template, &values()).unwrap_err();
            let flaw = &flaws[0];
            assert_eq!(flaw.message, message, "{template}");
            assert_eq!(flaw.hint.as_deref(), Some(hint), "{template}");
            assert!(
                template
                    .get(flaw.part.clone())
                    .unwrap()
                    .contains(part.trim())
                    || part.contains(template.get(flaw.part.clone()).unwrap()),
                "{template} {:?}",
                flaw.part
            );
        }
    }

    #[test]
    fn what_a_template_makes_is_bounded() {
        let grown = "{{ mac".to_owned() + &"|replace(':', '::::::::::::::::')".repeat(20) + " }}";
        let many = "{{ mac * 9000 }}";
        for template in [grown.as_str(), many] {
            let filled = check(template, &values());
            assert!(
                filled.unwrap_err()[0].message.contains("64 KiB"),
                "{template}"
            );
        }
    }
}

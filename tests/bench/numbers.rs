//! README's numbers: what stands between two markers is written here and by nobody else; the text
//! around them stays.

use std::fs;
use std::path::Path;

use super::results::{self, Measured, Results};

const BEGIN: &str = "<!-- written by `make bench README=1`: begin -->\n";
const END: &str = "<!-- written by `make bench README=1`: end -->\n";

/// Writes what was measured into README; why that cannot be done.
pub fn write(results: &Results) -> Result<(), String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let text = between(&text, &told(results)).ok_or_else(|| {
        format!(
            "{} has not both markers, {} and {}",
            path.display(),
            BEGIN.trim(),
            END.trim()
        )
    })?;
    fs::write(&path, text).map_err(|e| format!("{}: {e}", path.display()))
}

/// The text with this between the markers.
fn between(text: &str, told: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{told}\n{END}{after}"))
}

fn told(results: &Results) -> String {
    let Some(last) = results.benches.iter().max_by_key(|bench| &bench.date) else {
        return "Nothing was measured yet.\n".to_owned();
    };
    let benches: Vec<String> = results.benches.iter().map(section).collect();
    let around = results::explained(&last.machine, &last.versions);
    format!("{around}\n\n{}", benches.join("\n"))
}

fn section(bench: &Measured) -> String {
    format!("{}:\n\n{}", bench.told(), bench.rows.short())
}

//! What README says of rows is so.

use std::process::Command;

use bootjack::client::quirk::compile;

const README: &str = include_str!("../../README.md");

fn section() -> &'static str {
    let section = README.split("\n## Quirks of firmware\n").nth(1).unwrap();
    section.split("\n## ").next().unwrap()
}

fn block(kind: &str) -> &'static str {
    let after = section().split_once(&format!("```{kind}\n")).unwrap().1;
    after.split("```").next().unwrap()
}

/// The keys that a finding lists.
fn keys_of(part: &str) -> Vec<String> {
    let (_, findings) = compile("c.yaml", &format!("quirks: [{{name: a, {part}: x}}]"));
    let hint = findings
        .iter()
        .find_map(|f| f.hint.as_ref()?.strip_prefix("keys here: "));
    hint.unwrap().split(", ").map(str::to_owned).collect()
}

#[test]
fn the_examples_of_readme_compile() {
    let blocks = section().split("```yaml\n").skip(1);
    let blocks: Vec<_> = blocks.map(|b| b.split("```").next().unwrap()).collect();
    assert!(blocks.len() > 1, "{blocks:?}");
    for yaml in blocks {
        let (rows, findings) = compile("bootjack.yaml", yaml);
        assert_eq!(findings, []);
        assert_eq!(rows.unwrap().len(), 1);
    }
}

#[test]
fn readme_tells_every_key() {
    let cells = section().lines().filter_map(|line| line.strip_prefix("| "));
    let cells = cells.filter_map(|line| line.split(" | ").next());
    let told: Vec<&str> = cells
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .collect();
    for key in [keys_of("tells"), keys_of("changes")].concat() {
        assert!(
            told.contains(&key.as_str()),
            "README does not tell of {key}"
        );
    }
}

#[test]
fn explain_says_what_readme_shows() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("bootjack.yaml");
    std::fs::write(&config, block("yaml")).unwrap();
    let shown = section().split_once("```\n$ ").unwrap().1;
    let shown = shown.split("```").next().unwrap();
    let (command, lines) = shown.split_once('\n').unwrap();
    let words: Vec<&str> = command.split(' ').skip(1).collect();
    let output = Command::new(env!("CARGO_BIN_EXE_bootjack"))
        .args(words)
        .args(["--server", "10.1.0.2", "--config"])
        .arg(&config)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    for part in lines.split("…\n").filter(|part| !part.trim().is_empty()) {
        assert!(said.contains(part), "not said:\n{part}\nbut:\n{said}");
    }
}

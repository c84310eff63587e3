//! What is wrong in an operator's rows is told at its place.

use bootjack::client::quirk::compile;
use bootjack::yaml::Severity;

#[test]
fn broken_quirks_are_explained_at_their_place() {
    let mut wrong = Vec::new();
    let cases = include_str!("../cases/broken-quirks.txt");
    for case in cases.split("--- quirks\n").skip(1) {
        let (yaml, told) = case.split_once("--- told\n").unwrap();
        let told = told.split("\n===").next().unwrap().trim_end();
        let (rows, findings) = compile("c.yaml", yaml);
        let found: Vec<String> = findings.iter().map(ToString::to_string).collect();
        let found = found.join("\n");
        let error = findings.iter().any(|f| f.severity == Severity::Error);
        if found != told || rows.is_some() == error {
            wrong.push(format!("{yaml}--- told\n{found}\n--- expected\n{told}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n\n"));
}

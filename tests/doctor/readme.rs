//! README's table of codes is the program's.

use bootjack::doctor::Code;

#[test]
fn readme_lists_every_code_as_the_program_says_it() {
    let readme = include_str!("../../README.md");
    let (_, section) = readme
        .split_once("## bootjack doctor\n")
        .expect("its section");
    let section = section.split("\n## ").next().unwrap();
    let listed: Vec<&str> = section.lines().filter(|l| l.starts_with("| `")).collect();
    let row = |c: Code| format!("| `{}` | {} | {} |", c.name(), c.meaning(), c.remedy());
    let wanted: Vec<String> = Code::all().map(row).collect();
    assert_eq!(listed, wanted, "README should read:\n{}", wanted.join("\n"));
}

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

/// The lines that make a DHCP server send its boot clients to port 4011 are those of README, which
/// `tests/boot` boots with.
#[test]
fn the_lines_for_a_dhcp_server_here_are_those_of_readme() {
    let squeezed = |text: &str| text.split_whitespace().collect::<String>();
    for (server, _, lines) in bootjack::doctor::LINES {
        let block = squeezed(&crate::support::readme::block_after(&format!(
            "**{server}**"
        )));
        // README's list goes on with a class for HTTP boot.
        let lines = squeezed(lines);
        let lines = lines.strip_suffix(']').unwrap_or(&lines);
        assert!(
            block.contains(lines),
            "{server}: {lines}\nis not in {block}"
        );
    }
}

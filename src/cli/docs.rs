//! `bootjack completions` and `bootjack man`: made from the definition of the command line.

use std::io;

use clap::CommandFactory;

use super::Cli;

pub(super) fn completions(shell: clap_complete::Shell) -> io::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "bootjack", &mut script);
    io::Write::write_all(&mut io::stdout().lock(), &script)
}

/// One page: the commands, and the settings of `serve`, which are those of the config file.
pub(super) fn man() -> io::Result<()> {
    let mut page = Vec::new();
    let command = Cli::command();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    for sub in command.get_subcommands().filter(|s| s.get_name() != "help") {
        let man = clap_mangen::Man::new(sub.clone().name(format!("bootjack {}", sub.get_name())));
        man.render_synopsis_section(&mut page)?;
        man.render_description_section(&mut page)?;
        man.render_options_section(&mut page)?;
    }
    io::Write::write_all(&mut io::stdout().lock(), &page)
}

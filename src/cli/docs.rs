//! `bootjack completions` and `bootjack man`: made from the definition of the command line.

use std::io;

use clap::{Args as _, Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::Cli;
use crate::config::{DEFAULT_FILE, SettingsArgs};

const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(super) fn completions(shell: clap_complete::Shell) -> io::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "bootjack", &mut script);
    io::Write::write_all(&mut io::stdout().lock(), &script)
}

/// One page: the commands, and once the settings, which all commands that load profiles take.
pub(super) fn man() -> io::Result<()> {
    io::Write::write_all(&mut io::stdout().lock(), &page()?)
}

fn page() -> io::Result<Vec<u8>> {
    // clap_mangen leaves an empty date out, and what follows moves into its place.
    let title = format!(".TH BOOTJACK 1 \"\" \"bootjack {VERSION}\"\n");
    let mut page = title.into_bytes();
    let command = Cli::command();
    let man = Man::new(command.clone());
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    for sub in command.get_subcommands() {
        section(sub.get_name(), sub, &mut page)?;
        for part in sub.get_subcommands() {
            let name = format!("{} {}", sub.get_name(), part.get_name());
            section(&name, part, &mut page)?;
        }
    }
    settings(&mut page)?;
    ends().to_writer(&mut page)?;
    Ok(page)
}

/// A command: its purpose and what it takes beyond the settings.
fn section(name: &str, sub: &Command, page: &mut Vec<u8>) -> io::Result<()> {
    let shared = SettingsArgs::augment_args(Command::new("settings"));
    let is_setting = |id: &clap::Id| shared.get_arguments().any(|arg| arg.get_id() == id);
    let own = |id: &clap::Id| sub.get_arguments().any(|arg| arg.get_id() == id);
    let loads = shared.get_arguments().all(|arg| own(arg.get_id()));
    let own = sub.clone().disable_help_flag(true).mut_args(|arg| {
        let hidden = loads && is_setting(arg.get_id());
        arg.hide(hidden)
    });
    heading(&format!("bootjack {name}"), page)?;
    body(page, |out| {
        Man::new(own.clone()).render_description_section(out)
    })?;
    if own.get_arguments().any(|arg| !arg.is_hide_set()) {
        body(page, |out| {
            Man::new(own.clone()).render_options_section(out)
        })?;
    }
    if loads {
        let text = [
            roman("Takes the settings too, see "),
            bold("SETTINGS"),
            roman("."),
        ];
        Roff::new().control("PP", []).text(text).to_writer(page)?;
    }
    Ok(())
}

fn settings(page: &mut Vec<u8>) -> io::Result<()> {
    let all = SettingsArgs::augment_args(Command::new("settings").disable_help_flag(true));
    heading("settings", page)?;
    let text = format!(
        "Each is a flag, an environment variable (BOOTJACK_HTTP_PORT for --http-port) and, but for \
         --config, a key of the config file (http-port). A flag outranks the environment, which \
         outranks the config file, {DEFAULT_FILE}."
    );
    Roff::new().text([roman(text)]).to_writer(page)?;
    body(page, |out| {
        Man::new(all.clone()).render_options_section(out)
    })
}

fn heading(title: &str, page: &mut Vec<u8>) -> io::Result<()> {
    let title = title.to_uppercase();
    Roff::new().control("SH", [title.as_str()]).to_writer(page)
}

/// A section of a page of its own, without its heading: here it stands below another.
fn body(
    page: &mut Vec<u8>,
    render: impl Fn(&mut dyn io::Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut own = Vec::new();
    render(&mut own)?;
    let text = String::from_utf8_lossy(&own);
    let lines = text
        .lines()
        .filter(|line| !line.starts_with(".SH ") && *line != ".br"); // a break beside a space is none
    for line in lines {
        page.extend(line.bytes().chain([b'\n']));
    }
    Ok(())
}

fn ends() -> Roff {
    let mut roff = Roff::new();
    for (title, text) in [
        (
            "SIGNALS",
            "serve reads its folders, and dhcp of the config file, again on SIGHUP, and ends on SIGTERM and SIGINT.",
        ),
        (
            "EXIT STATUS",
            "0: fine. 1: findings that are errors, those in the config file included (of doctor, warnings too), or a failure at run time. 2: wrong usage, flags and variables included; of doctor, that the LAN could not be asked. 3: another DHCP server answers, so mode dhcp does not start; a supervisor should not try again.",
        ),
    ] {
        roff.control("SH", [title]).text([roman(text)]);
    }
    roff
}

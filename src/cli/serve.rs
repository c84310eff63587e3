//! `bootjack serve`: what needs privileges, then the log, then the appliance.
//!
//! The log is a thread, and privileges are given up before there is one; what fails until then is
//! said by the command itself.

use std::process::ExitCode;

use tracing_subscriber::filter::LevelFilter;

use crate::config::{self, Effective, LogLevel, SettingsArgs};
use crate::error::Error;
use crate::event::log::Lines;
use crate::service::supervise;

pub(super) fn run(args: SettingsArgs) -> Result<ExitCode, Error> {
    supervise::hold_hangups();
    let settings = config::effective(args)?;
    let prepared = supervise::prepare(&settings)?;
    let _flush_at_the_end = start_log(&settings);
    prepared.run()?;
    Ok(ExitCode::SUCCESS)
}

/// Log lines go to standard error by a thread of their own; when nobody reads them fast enough,
/// lines are lost, not answers.
fn start_log(settings: &Effective) -> tracing_appender::non_blocking::WorkerGuard {
    let (writer, guard) = tracing_appender::non_blocking(std::io::stderr());
    tracing_subscriber::fmt()
        .event_format(Lines(settings.log_format))
        .with_max_level(level(settings.log_level))
        .with_writer(writer)
        .init();
    guard
}

const fn level(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}

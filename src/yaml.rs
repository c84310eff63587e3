//! What an operator writes: YAML text → values with their places, and what is wrong with them.
//!
//! * `node`, `syntax`: text → a tree of values, each with line and column; what the parser's errors
//!   mean
//! * `twice`: keys that are given twice
//! * [`section`]: mappings by their shape; single values; "did you mean"
//! * `encoding`: bytes → text
//! * `values`: ids, durations, UUIDs, networks, architectures
//! * [`report`], [`finding`]: everything wrong in a file at once, with line, column and remedy
//!
//! Absent on purpose: what any key means (profiles, networks), and files: the service hands in
//! texts.

mod encoding;
pub mod finding;
mod node;
pub mod report;
pub mod section;
pub mod similar;
mod syntax;
mod twice;
mod values;

pub use encoding::decode;
pub use finding::{Finding, Severity, counted};
pub use node::{At, FileKind, Key, MAX_FILE, Node, Value, parse};
pub use report::Report;
pub use section::{Section, Shape, kind, one_or_list, text, word_of, yes_no};
pub use syntax::Problem;
pub use values::{MAX_ID, arch, archs, duration, is_id, subnet, uuid};

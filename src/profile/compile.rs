//! Texts → [`Profiles`]. All findings of all files at once; any error means no new set.
//!
//! A [`Compiler`] remembers what came of each text, so that a reload reads only the files that
//! changed; what concerns several files (ties, names) is looked at every time.

use std::collections::{HashMap, HashSet};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread;

use sha2::{Digest, Sha256};

use super::Profiles;
use super::document::{self, Checked};
use super::matching::Match;
use super::named::Named;
use super::parts::Part;
use super::ties::{self, MAX_PATTERNS, Tie};
use crate::yaml::{At, Finding, Severity, report::line_of};

/// One profile file as it was read.
#[derive(Debug, Clone)]
pub struct Source {
    /// As the operator would name it.
    pub file: Arc<str>,
    /// Its whole text.
    pub text: String,
}

/// Compiles sets one after the other.
#[derive(Debug, Default)]
pub struct Compiler {
    known: HashMap<Arc<str>, Known>,
}

/// What came of a text with this digest.
type Known = ([u8; 32], Arc<Checked>);

/// More findings than this are not shown.
const MAX_FINDINGS: usize = 1000;

/// The outcome: a set that may be served (with warnings), or the findings alone.
pub fn compile(sources: &[Source]) -> (Option<Profiles>, Vec<Finding>) {
    Compiler::default().compile(sources)
}

impl Compiler {
    /// [`compile`], without reading again what the last set held already.
    pub fn compile(&mut self, sources: &[Source]) -> (Option<Profiles>, Vec<Finding>) {
        let checked = self.check(sources);
        let mut findings: Vec<Finding> = checked
            .iter()
            .flat_map(|c| c.findings.iter().cloned())
            .collect();
        let set = Set::of(sources, &checked);
        findings.extend(set.ties());
        findings.extend(set.loose_patterns());
        findings.extend(set.same_names());
        let wrong = findings.iter().any(|f| f.severity == Severity::Error);
        findings.sort_by(|a, b| a.file.cmp(&b.file).then(a.line.cmp(&b.line)));
        shorten(&mut findings);
        (set.profiles().filter(|_| !wrong), findings)
    }

    /// The names of all profiles of the last set, whether or not something else is wrong with them;
    /// `None` where one of them cannot be told.
    pub fn names(&self) -> Option<HashSet<&str>> {
        let all = self.known.values();
        all.map(|(_, checked)| checked.called.as_deref()).collect()
    }

    /// The files that these sources name, whether or not something is wrong with them. They are those of
    /// the last set.
    pub fn named<'a>(
        &'a self,
        sources: &'a [Source],
    ) -> impl Iterator<Item = (&'a Source, &'a Named)> {
        sources.iter().flat_map(|source| {
            let known = self.known.get(&source.file);
            let named = known.into_iter().flat_map(|(_, checked)| &checked.named);
            named.map(move |named| (source, named))
        })
    }

    /// Where a part of a profile of the last set stands in its file.
    pub fn place(&self, file: &str, part: Part) -> At {
        let known = self.known.get(file);
        known.map_or(At::default(), |(_, checked)| checked.parts.at(part))
    }

    fn check(&mut self, sources: &[Source]) -> Vec<Arc<Checked>> {
        let checked = in_parallel(sources, |source| self.recall_or_check(source));
        let files = sources.iter().map(|source| source.file.clone());
        self.known = files.zip(checked.iter().cloned()).collect();
        checked.into_iter().map(|(_, checked)| checked).collect()
    }

    fn recall_or_check(&self, source: &Source) -> Known {
        let digest: [u8; 32] = Sha256::digest(source.text.as_bytes()).into();
        let known = self.known.get(&source.file);
        let same = known.filter(|(before, _)| *before == digest).cloned();
        same.unwrap_or_else(|| (digest, Arc::new(document::check(source))))
    }
}

/// Fewer files than this are not worth a thread.
const WORTH_A_THREAD: usize = 256;
/// More threads than this would take the processors away from what is being served.
const MAX_THREADS: usize = 4;

/// `work` on every item, in order, on several processors where there is much of it.
fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let threads = (items.len() / WORTH_A_THREAD).clamp(1, processors.min(MAX_THREADS));
    let share = |part: &[T]| part.iter().map(&work).collect::<Vec<R>>();
    if threads == 1 {
        return share(items);
    }
    let (here, there) = items.split_at(items.len() / threads);
    thread::scope(|scope| {
        let parts = there.chunks(here.len()).map(|part| {
            let spawned = thread::Builder::new().spawn_scoped(scope, || share(part));
            spawned.map_err(|_| part)
        });
        let parts: Vec<_> = parts.collect();
        let mut done = share(here);
        for part in parts {
            // A thread that could not be had is no reason to fail: its share is done here.
            done.extend(match part {
                Ok(thread) => thread.join().unwrap_or_else(|p| resume_unwind(p)),
                Err(part) => share(part),
            });
        }
        done
    })
}

/// The files that hold a profile, each with its source.
struct Set<'a> {
    parts: Vec<(&'a Source, &'a Checked)>,
    whole: bool,
}

impl<'a> Set<'a> {
    fn of(sources: &'a [Source], checked: &'a [Arc<Checked>]) -> Self {
        let parts = sources.iter().zip(checked.iter().map(Arc::as_ref));
        let parts: Vec<_> = parts.filter(|(_, c)| c.profile.is_some()).collect();
        Self {
            whole: parts.len() == sources.len(),
            parts,
        }
    }

    fn profiles(&self) -> Option<Profiles> {
        let parts = self.parts.iter().filter_map(|(_, c)| c.profile.clone());
        self.whole.then(|| Profiles::new(parts))
    }

    fn matches(&self) -> Vec<&'a Match> {
        let of = |(_, c): &(&Source, &'a Checked)| c.profile.as_ref().map(|(_, m)| m.as_ref());
        self.parts.iter().filter_map(of).collect()
    }

    fn ties(&self) -> Vec<Finding> {
        let ties = ties::find(&self.matches());
        ties.iter().filter_map(|tie| self.tie(tie)).collect()
    }

    fn tie(&self, tie: &Tie) -> Option<Finding> {
        let (later, at) = tie.later;
        let (earlier, place) = tie.earlier;
        let (other, _) = self.parts.get(earlier)?;
        let more = match tie.more {
            0 => String::new(),
            more => format!(" (and {more} more)"),
        };
        let message = format!(
            "ties with {}:{}:{}: both match {}{more}, and neither is more specific",
            other.file, place.line, place.column, tie.on
        );
        let hint =
            "take it out of one of the two, or give one of them a further key (subnet, arch)";
        self.finding(later, Severity::Error, at, message, hint)
    }

    fn loose_patterns(&self) -> Option<Finding> {
        let loose = ties::loose_patterns(&self.matches());
        let (pattern, (number, at)) = *loose.get(MAX_PATTERNS)?;
        let message = format!(
            "{pattern} is one too many: at most {MAX_PATTERNS} MAC patterns may have a * that is not their end"
        );
        let hint = "write prefixes such as 52:54:00:*; there may be any number of them";
        self.finding(number, Severity::Error, at, message, hint)
    }

    fn same_names(&self) -> Vec<Finding> {
        let mut seen: HashMap<&str, &str> = HashMap::with_capacity(self.parts.len());
        let mut findings = Vec::new();
        for (number, (source, checked)) in self.parts.iter().enumerate() {
            let Some((profile, _)) = &checked.profile else {
                continue;
            };
            if let Some(first) = seen.get(&*profile.name) {
                let message = format!("the name \"{}\" is also that of {first}", profile.name);
                let hint = "give each profile a name of its own, so that logs tell them apart";
                findings.extend(self.finding(
                    number,
                    Severity::Warning,
                    checked.name_at,
                    message,
                    hint,
                ));
            } else {
                seen.insert(&profile.name, &source.file);
            }
        }
        findings
    }

    fn finding(
        &self,
        number: usize,
        severity: Severity,
        at: At,
        message: String,
        hint: &str,
    ) -> Option<Finding> {
        let (source, _) = self.parts.get(number)?;
        Some(Finding {
            severity,
            file: source.file.clone(),
            line: at.line,
            column: at.column,
            text: line_of(&source.text, at),
            message,
            hint: Some(hint.to_owned()),
        })
    }
}

/// Keeps the first [`MAX_FINDINGS`]; errors are kept before warnings.
fn shorten(findings: &mut Vec<Finding>) {
    if findings.len() > MAX_FINDINGS {
        findings.sort_by_key(|f| std::cmp::Reverse(f.severity));
        findings.truncate(MAX_FINDINGS);
    }
}

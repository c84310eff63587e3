//! Conditional requests: may this be sent, and how much of it (RFC 9110 section 13.2.2).
//!
//! The order is the RFC's: `If-Match`, else `If-Unmodified-Since`; then `If-None-Match`, else
//! `If-Modified-Since`; then, for GET, `Range` as far as `If-Range` lets it. A condition on a date
//! is as if it were not there where the date does not parse or the body has none. Pure: the time
//! comes in with the [`Validators`].

use std::time::{Duration, SystemTime};

use hyper::Method;
use hyper::header::{
    HeaderMap, HeaderName, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE,
    IF_UNMODIFIED_SINCE,
};

use super::etag::ETag;
use super::range::{self, Asked, Span};

/// What tells one state of a body from another.
#[derive(Debug, Clone)]
pub struct Validators {
    /// Its entity tag.
    pub etag: ETag,
    /// `Last-Modified` in whole seconds; `None` for what has none.
    pub modified: Option<SystemTime>,
    /// The time of this answer.
    pub now: SystemTime,
}

/// What a request gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// 200
    Whole,
    /// 206
    Part(Span),
    /// 304
    NotModified,
    /// 412, and the condition that does not hold.
    Failed(&'static str),
    /// 416
    Unsatisfiable,
}

impl Validators {
    /// `modified` is dropped where HTTP cannot say it: before 1970, or later than `now` (section
    /// 8.8.2.1 forbids a date to come).
    pub fn new(etag: ETag, modified: Option<SystemTime>, now: SystemTime) -> Self {
        let whole = |at: SystemTime| {
            let since = at.duration_since(SystemTime::UNIX_EPOCH).ok()?;
            SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(since.as_secs()))
        };
        Self {
            etag,
            modified: modified.and_then(whole).filter(|at| *at <= now),
            now,
        }
    }
}

/// What this request gets of a body of `len` bytes.
pub fn judge(method: &Method, headers: &HeaderMap, is: &Validators, len: u64) -> Verdict {
    if let Some(condition) = broken(headers, is) {
        return Verdict::Failed(condition);
    }
    if unchanged(headers, is) {
        return Verdict::NotModified;
    }
    if *method == Method::HEAD || !range_applies(headers, is) {
        return Verdict::Whole;
    }
    match range::parse(headers, len) {
        Asked::Whole => Verdict::Whole,
        Asked::Part(span) => Verdict::Part(span),
        Asked::Unsatisfiable => Verdict::Unsatisfiable,
    }
}

/// Steps 1 and 2: the client wants this state or none.
fn broken(headers: &HeaderMap, is: &Validators) -> Option<&'static str> {
    if headers.contains_key(IF_MATCH) {
        let holds = any_tag(headers, &IF_MATCH, |weak, tag| {
            !weak && tag == is.etag.as_bytes()
        });
        return (!holds).then_some("If-Match");
    }
    let (at, since) = (is.modified?, date(headers, &IF_UNMODIFIED_SINCE)?);
    (at > since).then_some("If-Unmodified-Since")
}

/// Steps 3 and 4: the client has this state already.
fn unchanged(headers: &HeaderMap, is: &Validators) -> bool {
    if headers.contains_key(IF_NONE_MATCH) {
        return any_tag(headers, &IF_NONE_MATCH, |_, tag| tag == is.etag.as_bytes());
    }
    match (is.modified, date(headers, &IF_MODIFIED_SINCE)) {
        (Some(at), Some(since)) => at <= since,
        _ => false,
    }
}

/// Step 5: a range is only for the state that the client has the rest of. A date counts where it
/// is exact and old enough to be a strong validator (section 8.8.2.2).
fn range_applies(headers: &HeaderMap, is: &Validators) -> bool {
    let Some(value) = headers.get(IF_RANGE) else {
        return true;
    };
    if value.as_bytes() == is.etag.as_bytes() {
        return true;
    }
    let settled = |at: &SystemTime| *at + Duration::from_secs(1) <= is.now;
    let asked = date(headers, &IF_RANGE);
    asked.is_some() && asked == is.modified.filter(settled)
}

fn date(headers: &HeaderMap, name: &HeaderName) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok()
}

/// Whether one tag of the header's lists fits, or the header is `*`.
fn any_tag(headers: &HeaderMap, name: &HeaderName, fits: impl Fn(bool, &[u8]) -> bool) -> bool {
    headers.get_all(name).iter().any(|line| {
        let line = line.as_bytes().trim_ascii();
        line == b"*" || Tags(line).any(|(weak, tag)| fits(weak, tag))
    })
}

/// The tags of one list: whether weak, and the tag with its quotes. Ends at the first that is none.
struct Tags<'a>(&'a [u8]);

impl<'a> Iterator for Tags<'a> {
    type Item = (bool, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let skip = |b: &u8| matches!(b, b' ' | b'\t' | b',');
        let start = self.0.iter().position(|b| !skip(b))?;
        let rest = self.0.get(start..)?;
        let (weak, rest) = match rest.strip_prefix(b"W/") {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        let inner = rest.strip_prefix(b"\"")?;
        let end = inner.iter().position(|b| *b == b'"')?;
        self.0 = inner.get(end + 1..)?;
        Some((weak, rest.get(..end + 2)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const AFTER: &str = "Sunday, 06-Nov-94 08:49:38 GMT";

    fn verdict(lines: &[(&'static str, &str)]) -> Verdict {
        let mut headers = HeaderMap::new();
        let tag = ETag::of_bytes(b"0123456789");
        let tag_text = str::from_utf8(tag.as_bytes()).unwrap().to_owned();
        for (name, value) in lines {
            let value = value.replace("TAG", &tag_text);
            headers.append(HeaderName::from_static(name), value.parse().unwrap());
        }
        let day = httpdate::parse_http_date(DAY).unwrap();
        let changed = day + Duration::from_millis(700);
        let is = Validators::new(tag, Some(changed), day + Duration::from_secs(60));
        judge(&Method::GET, &headers, &is, 10)
    }

    #[test]
    fn each_condition_alone_and_by_rank() {
        let part = Verdict::Part(Span { start: 0, len: 5 });
        let (match_, since) = (
            Verdict::Failed("If-Match"),
            Verdict::Failed("If-Unmodified-Since"),
        );
        let range = ("range", "bytes=0-4");
        for (lines, expected) in [
            (&[][..], Verdict::Whole),
            (&[("if-match", "TAG")], Verdict::Whole),
            (&[("if-match", "*")], Verdict::Whole),
            (&[("if-match", "\"a,b\" , TAG")], Verdict::Whole),
            (
                &[("if-match", "\"a\""), ("if-match", "TAG")],
                Verdict::Whole,
            ),
            (&[("if-match", "W/TAG")], match_),
            (&[("if-match", "\"other\"")], match_),
            (&[("if-match", "nonsense")], match_),
            (
                &[("if-match", "TAG"), ("if-unmodified-since", BEFORE)],
                Verdict::Whole,
            ),
            (&[("if-unmodified-since", BEFORE)], since),
            (&[("if-unmodified-since", DAY)], Verdict::Whole),
            (&[("if-unmodified-since", "yesterday")], Verdict::Whole),
            (&[("if-none-match", "TAG")], Verdict::NotModified),
            (&[("if-none-match", "W/TAG")], Verdict::NotModified),
            (&[("if-none-match", "*")], Verdict::NotModified),
            (&[("if-none-match", "\"other\"")], Verdict::Whole),
            (
                &[("if-none-match", "\"other\""), ("if-modified-since", DAY)],
                Verdict::Whole,
            ),
            (&[("if-modified-since", DAY)], Verdict::NotModified),
            (&[("if-modified-since", AFTER)], Verdict::NotModified),
            (&[("if-modified-since", BEFORE)], Verdict::Whole),
            (
                &[("if-match", "\"other\""), ("if-none-match", "TAG")],
                match_,
            ),
            (&[range, ("if-none-match", "TAG")], Verdict::NotModified),
            (&[range], part),
            (&[range, ("if-range", "TAG")], part),
            (&[range, ("if-range", "W/TAG")], Verdict::Whole),
            (&[range, ("if-range", DAY)], part),
            (&[range, ("if-range", AFTER)], Verdict::Whole),
            (&[range, ("if-range", "\"other\"")], Verdict::Whole),
            (&[("range", "bytes=10-"), ("if-match", "\"other\"")], match_),
            (&[("range", "bytes=10-")], Verdict::Unsatisfiable),
            (
                &[("range", "bytes=10-"), ("if-range", "\"other\"")],
                Verdict::Whole,
            ),
        ] {
            assert_eq!(verdict(lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn dates_that_http_cannot_say_are_none() {
        let now = SystemTime::now();
        let tag = ETag::of_bytes(b"");
        let kept = |at| Validators::new(tag.clone(), Some(at), now).modified;
        assert_eq!(kept(now + Duration::from_secs(5)), None);
        assert_eq!(kept(SystemTime::UNIX_EPOCH - Duration::from_secs(5)), None);
        assert!(kept(now).is_some_and(|at| at <= now));
    }

    #[test]
    fn a_date_of_this_second_is_no_strong_validator() {
        let now = httpdate::parse_http_date(DAY).unwrap();
        let is = Validators::new(ETag::of_bytes(b""), Some(now), now);
        let mut headers = HeaderMap::new();
        headers.insert(IF_RANGE, DAY.parse().unwrap());
        assert!(!range_applies(&headers, &is));
    }
}

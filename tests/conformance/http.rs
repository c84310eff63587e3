//! The head of an HTTP request, and the head of its answer.
//!
//! In what is sent `TAG` stands for the entity tag of what is asked for; in what is expected too, and
//! `SIZE` for its length.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use bootjack::service::http::{Described, ETag, Validators, head, judge};
use bootjack::tree::Door;
use hyper::Method;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;

use crate::tree::{Body, Tree};

/// When every file was changed: Sun, 06 Nov 1994 08:49:37 GMT.
const CHANGED: Duration = Duration::from_secs(784_111_777);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    #[serde(rename = "covers")]
    _covers: Vec<String>,
    #[serde(default)]
    tree: Tree,
    talk: Vec<Turn>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Turn {
    /// `HEAD /assets/snponly.efi`
    ask: String,
    #[serde(default)]
    with: BTreeMap<String, String>,
    status: u16,
    /// All headers of the answer that say something of the body.
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

/// Plays the conversation of this text.
pub fn play(case: &str) {
    let case: Case = serde_saphyr::from_str(case).unwrap_or_else(|e| panic!("{e}"));
    for turn in &case.talk {
        println!("  {}", turn.ask);
        let (method, path) = turn.ask.split_once(' ').unwrap();
        match case.tree.get(Door::Http, path.as_bytes()) {
            Some(body) => turn.check(method, &body),
            None => assert_eq!(turn.status, 404, "there is no {path}"),
        }
    }
}

impl Turn {
    fn check(&self, method: &str, body: &Body) {
        let etag = ETag::of_bytes(&body.bytes);
        let tag = String::from_utf8(etag.as_bytes().to_vec()).unwrap();
        let modified = (!body.is_menu).then(|| SystemTime::UNIX_EPOCH + CHANGED);
        let validators = Validators::new(etag, modified, SystemTime::now());
        let (len, method) = (body.bytes.len() as u64, method.parse::<Method>().unwrap());
        let asked = headers(&self.with, &tag);
        let described = Described {
            len,
            media: body.media,
            validators: &validators,
            is_menu: body.is_menu,
        };
        let verdict = judge(&method, &asked, &validators, len);
        let (status, told) = head(verdict, described);
        assert_eq!(status.as_u16(), self.status);
        let wanted = self.headers.iter();
        let wanted: BTreeMap<String, String> = wanted
            .map(|(k, v)| {
                (
                    k.clone(),
                    v.replace("TAG", &tag).replace("SIZE", &len.to_string()),
                )
            })
            .collect();
        let told = told.iter();
        let told: BTreeMap<String, String> = told
            .map(|(k, v)| (k.to_string(), v.to_str().unwrap().to_owned()))
            .collect();
        assert_eq!(told, wanted, "headers");
    }
}

fn headers(of: &BTreeMap<String, String>, tag: &str) -> HeaderMap {
    let each = of.iter().map(|(name, value)| {
        let value = HeaderValue::from_str(&value.replace("TAG", tag)).unwrap();
        (name.parse::<HeaderName>().unwrap(), value)
    });
    each.collect()
}

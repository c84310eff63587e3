//! `/api/v1/leases`: who has which address, as JSON, in pages of a bounded size.
//!
//! ```text
//! leases                 every address that has or had a holder, by address
//! leases/WHOM            those of an address, a MAC, a client identifier in hex, a host name
//! ?state=leased,expired  &network=lab  &mac=a4:bb:6d:*  &host_name=lab-*  narrow the list
//! ?limit=100             at most so many (as many as there may be: [`MOST`])
//! ?after=10.0.0.99       only what comes behind this address
//! ```
//!
//! `next` in an answer is what to put behind `after=` for more; `null`: that was all. Nothing that
//! is asked makes DHCP wait longer than one part takes, nor an answer larger than a page.

use std::net::Ipv4Addr;
use std::num::NonZeroUsize;
use std::str::FromStr;

use hyper::StatusCode;
use percent_encoding::percent_decode_str;
use serde_json::json;

use super::api::{Answer, error};
use crate::lease::State;
use crate::service::Shared;
use crate::service::lease::Leases;
use crate::service::lease::filter::{self, Filter, LISTED, NetworkLike, Whom};
use crate::service::lease::row::Row;
use crate::yaml::similar;

/// Leases in one answer: some three megabytes.
const MOST: usize = 10_000;

/// What may stand behind `?`.
const KEYS: [&str; 6] = ["state", "network", "mac", "host_name", "after", "limit"];

/// Which leases, and which part of them.
#[derive(Debug, Default, PartialEq, Eq)]
struct Page {
    filter: Filter,
    whom: Option<Whom>,
    after: Option<Ipv4Addr>,
    limit: Option<NonZeroUsize>,
}

/// Answers for `leases` and `leases/WHOM`.
pub(super) fn answer(shared: &Shared, whom: Option<&str>, query: &str) -> Answer {
    let Some(leases) = shared.leases.get() else {
        let text = "no leases are given: this is not mode dhcp";
        return error(StatusCode::NOT_FOUND, text);
    };
    match page(whom, query).and_then(|page| page.of(leases)) {
        Ok(text) => (StatusCode::OK, text),
        Err((status, why)) => error(status, &why),
    }
}

/// Why there is no list.
type Refused = (StatusCode, String);

fn page(whom: Option<&str>, query: &str) -> Result<Page, Refused> {
    let whom = whom.map(Whom::from_str).transpose();
    let mut page = Page {
        whom: whom.map_err(|why| (StatusCode::NOT_FOUND, why))?,
        ..Page::default()
    };
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = value.replace('+', " ");
        let value = percent_decode_str(&value).decode_utf8_lossy();
        page.set(key, &value)
            .map_err(|why| (StatusCode::BAD_REQUEST, why))?;
    }
    Ok(page)
}

fn state(word: &str) -> Result<State, String> {
    let mut all = LISTED.into_iter();
    let found = all.find(|state| state.name() == word);
    found.ok_or_else(|| {
        let hint = similar::hint(word, LISTED.map(State::name));
        format!("no state \"{word}\"; {hint}")
    })
}

impl Page {
    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        let wrong = |what: &str| format!("{key}=\"{value}\" is no {what}");
        match key {
            "state" => {
                let states: Result<Vec<State>, String> = value.split(',').map(state).collect();
                self.filter.states.extend(states?);
            }
            "network" => self.filter.network = Some(NetworkLike::from(value)),
            "mac" => self.filter.mac = Some(value.parse()?),
            "host_name" => self.filter.host_name = Some(value.to_owned()),
            "after" => self.after = Some(value.parse().map_err(|_| wrong("IPv4 address"))?),
            "limit" => self.limit = Some(value.parse().map_err(|_| wrong("number from 1 on"))?),
            _ => {
                let hint = similar::hint(key, KEYS);
                return Err(format!("nothing is known of \"{key}\"; {hint}"));
            }
        }
        Ok(())
    }

    /// The answer's text, written row by row.
    fn of(&self, leases: &Leases) -> Result<Vec<u8>, Refused> {
        let limit = self.limit.map_or(MOST, NonZeroUsize::get).min(MOST);
        let mut text = b"{\"leases\":[".to_vec();
        let (mut last, mut count, mut more) = (Ipv4Addr::UNSPECIFIED, 0_usize, false);
        for part in self.addresses(leases).chunks(Leases::PART) {
            let rows = leases.rows(part);
            for row in rows.iter().filter(|row| self.takes(row)) {
                more = count == limit;
                if more {
                    break;
                }
                text.extend_from_slice(if count == 0 { b"" } else { b"," });
                text.extend(serde_json::to_vec(row).unwrap_or_default());
                (last, count) = (row.address, count.saturating_add(1));
            }
            if more {
                break;
            }
        }
        if count == 0 {
            self.may_be_empty(leases)?;
        }
        let next = more.then_some(last);
        text.extend_from_slice(b"],\"next\":");
        text.extend(json!(next).to_string().bytes());
        text.push(b'}');
        Ok(text)
    }

    /// Where those meant are to be looked for, sorted.
    fn addresses(&self, leases: &Leases) -> Vec<Ipv4Addr> {
        let whom = self.whom.as_ref();
        let own = whom.and_then(|whom| match whom.address() {
            Some(address) => Some(vec![address]),
            None => Some(leases.addresses_of(whom.mac()?)).filter(|all| !all.is_empty()),
        });
        let mut all = own.unwrap_or_else(|| leases.addresses());
        all.retain(|address| self.after.is_none_or(|after| *address > after));
        all
    }

    fn takes(&self, row: &Row) -> bool {
        self.filter.takes(row) && self.whom.as_ref().is_none_or(|whom| whom.is(row))
    }

    fn may_be_empty(&self, leases: &Leases) -> Result<(), Refused> {
        let known = filter::known(&leases.networks());
        let checked = self.filter.check(&known);
        checked.map_err(|why| (StatusCode::BAD_REQUEST, why))
    }
}

//! Waiting for a condition: asked again every few milliseconds until a deadline.

use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_millis(25);

/// Asks until there is an answer; `None` when `within` has passed without one.
pub fn until<T>(within: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + within;
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if Instant::now() >= deadline {
            return None;
        }
        std::thread::sleep(PAUSE);
    }
}

/// Asks until it is so, and panics naming `what` when it is not within that time.
pub fn expect(what: &str, within: Duration, mut ask: impl FnMut() -> bool) {
    assert!(
        until(within, || ask().then_some(())).is_some(),
        "not within {within:?}: {what}"
    );
}

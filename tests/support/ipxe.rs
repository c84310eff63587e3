//! iPXE's command line on a BIOS machine, with nothing behind its prompt.
//!
//! On a busy machine keys come late: those that were pressed to get the prompt would stand in front of
//! what is typed there. They come in the order in which they were pressed.

use std::time::Duration;

use super::poll;
use super::qemu::Pc;

const PROMPT: &str = "iPXE>";
/// As long as QEMU holds down two keys and lets them go. More of them would fill its queue, and what
/// comes when that is full is lost in pieces.
const PACE: Duration = Duration::from_millis(500);
/// For one key to be seen; then it is pressed again.
const SEEN: Duration = Duration::from_secs(10);

/// Waits for the prompt, and until nothing is behind it and nothing on its way.
pub fn command_line(pc: &Pc, within: Duration) {
    poll::expect("iPXE's command line", within, || {
        pc.monitor().press(&["ctrl-b"]);
        std::thread::sleep(PACE);
        pc.shows(PROMPT)
    });
    poll::expect("an empty command line", within, || {
        // When the mark is there, so is what was pressed before.
        pc.monitor().press(&["z"]);
        let marked = poll::until(SEEN, || line(pc).contains('z').then_some(()));
        marked.is_some() && clear(pc)
    });
}

fn clear(pc: &Pc) -> bool {
    pc.monitor().press(&["ctrl-e", "ctrl-u"]);
    poll::until(SEEN, || (line(pc) == PROMPT).then_some(())).is_some()
}

/// The last line on the screen.
fn line(pc: &Pc) -> String {
    let screen = pc.monitor().text().unwrap_or_default();
    screen.lines().last().unwrap_or_default().trim().to_owned()
}

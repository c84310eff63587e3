//! What iPXE is told by its script to fetch: enough of its language for the menus that bootjack makes.

use std::time::Duration;

/// The entry that starts when nobody touches the keyboard.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Script {
    /// How long the menu waits.
    pub waits: Duration,
    /// What is fetched, in this order.
    pub fetches: Vec<String>,
}

impl Script {
    /// Reads a script; `None`: nothing in it can be booted.
    pub fn read(text: &str) -> Option<Self> {
        let choose = text.lines().find(|line| line.starts_with("choose "));
        let choose: Vec<&str> = choose.unwrap_or_default().split(' ').collect();
        let behind = |flag: &str| {
            let at = choose.iter().position(|word| *word == flag)?;
            choose.get(at + 1).copied()
        };
        let label = behind("--default").map(|entry| format!(":entry-{entry}"));
        let entry = label.map_or(Some(text), |label| Some(text.split_once(&label)?.1))?;
        let lines = entry
            .lines()
            .skip(1)
            .take_while(|line| !line.starts_with(':'));
        let fetches: Vec<String> = lines.filter_map(fetched).map(str::to_owned).collect();
        let waits = behind("--timeout").and_then(|ms| ms.parse().ok());
        (!fetches.is_empty()).then(|| Self {
            waits: Duration::from_millis(waits.unwrap_or(0)),
            fetches,
        })
    }
}

/// `initrd --name initrd0 http://… || goto failed`
fn fetched(line: &str) -> Option<&str> {
    let mut words = line.split(' ');
    let loads = ["initrd", "kernel"].contains(&words.next()?);
    words.find(|word| loads && word.contains("://"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entry_that_starts_by_itself() {
        let menu = "#!ipxe\n:menu\nmenu Room\nitem a A\nitem b B\n\
                    choose --default b --timeout 1500 chosen || exit 1\ngoto entry-${chosen}\n\n\
                    :entry-a\nimgfree\nkernel http://x/a || goto failed\nboot || goto failed\n\n\
                    :entry-b\nimgfree\ninitrd --name initrd0 http://x/i || goto failed\n\
                    kernel http://x/k initrd=initrd0 || goto failed\n\n:failed\necho kernel http://x/no\n";
        let script = Script::read(menu).unwrap();
        assert_eq!(script.waits, Duration::from_millis(1500));
        assert_eq!(script.fetches, ["http://x/i", "http://x/k"]);
        let alone = "#!ipxe\n# Room\nimgfree\nkernel http://x/k || goto failed\nexit 1\n";
        assert_eq!(Script::read(alone).unwrap().fetches, ["http://x/k"]);
        assert_eq!(Script::read("#!ipxe\nexit 1\n"), None);
    }
}

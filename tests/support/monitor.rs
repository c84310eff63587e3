//! A machine's keyboard and screen, through QEMU's monitor.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(5);

/// The monitor's socket.
#[derive(Debug)]
pub struct Monitor(PathBuf);

impl Monitor {
    /// The monitor at this path.
    pub fn at(path: PathBuf) -> Self {
        Self(path)
    }

    /// Presses keys, named as QEMU names them (`ret`, `down`, `ctrl-b`, `a`).
    pub fn press(&self, keys: &[&str]) {
        for key in keys {
            self.tell(&format!("sendkey {key}")).expect("the monitor");
        }
    }

    /// Types a text of small letters, digits, blanks and `.-/:`.
    pub fn type_text(&self, text: &str) {
        for c in text.chars() {
            let key = match c {
                ' ' => "spc".to_owned(),
                '.' => "dot".to_owned(),
                '-' => "minus".to_owned(),
                '/' => "slash".to_owned(),
                ':' => "shift-semicolon".to_owned(),
                '\n' => "ret".to_owned(),
                c => c.to_string(),
            };
            self.press(&[&key]);
        }
    }

    /// A picture of the screen, in PPM form.
    pub fn picture(&self, file: &Path) -> std::io::Result<()> {
        self.tell(&format!("screendump {}", file.display()))
            .map(drop)
    }

    /// The screen's text where the display is in text mode (BIOS): 25 lines of 80 characters.
    pub fn text(&self) -> std::io::Result<String> {
        let dump = self.tell("xp /4000bx 0xb8000")?;
        let bytes = dump
            .lines()
            .filter_map(|line| line.split_once(": "))
            .flat_map(|(_, row)| {
                row.split_whitespace()
                    .filter_map(|b| u8::from_str_radix(b.trim_start_matches("0x"), 16).ok())
            });
        let cells: Vec<u8> = bytes.step_by(2).collect();
        let line = |cells: &[u8]| {
            let shown = |b: &u8| {
                if (32..127).contains(b) {
                    char::from(*b)
                } else {
                    ' '
                }
            };
            cells
                .iter()
                .map(shown)
                .collect::<String>()
                .trim_end()
                .to_owned()
        };
        Ok(cells
            .chunks(80)
            .map(line)
            .collect::<Vec<_>>()
            .join("\n")
            .trim()
            .to_owned())
    }

    /// Sends one command and gives what it prints.
    pub fn tell(&self, command: &str) -> std::io::Result<String> {
        let mut socket = UnixStream::connect(&self.0)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        read_prompt(&mut socket)?;
        writeln!(socket, "{command}")?;
        read_prompt(&mut socket)
    }
}

/// Reads up to the next prompt.
fn read_prompt(socket: &mut UnixStream) -> std::io::Result<String> {
    let mut text = Vec::new();
    let mut piece = [0; 4096];
    while !text.ends_with(b"(qemu) ") {
        match socket.read(&mut piece)? {
            0 => break,
            n => text.extend_from_slice(&piece[..n]),
        }
    }
    Ok(String::from_utf8_lossy(&text).replace('\r', ""))
}

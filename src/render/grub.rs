//! The GRUB dialect.
//!
//! Every word that came from outside stands in single quotes, in which GRUB gives nothing a
//! meaning; a single quote itself is written `'\''`. Files are named with their server,
//! `(tftp,10.0.0.2)/…`, because behind a ProxyDHCP GRUB's own prefix points at the DHCP server
//! (facts C). GRUB counts whole seconds, and −1 waits for ever.

use std::fmt::Write as _;

use super::{Boot, Item, View, ipxe, signed};

/// The whole configuration.
pub fn config(view: &View) -> String {
    let mut out = format!("# {}\n", view.comment.replace(['\n', '\r'], " "));
    let Some(default) = view.default_item() else {
        if let Some(signed) = &view.signed {
            out.push_str("set timeout=-1\n");
            signed::entries(signed, &mut out);
            return out;
        }
        return out
            + "echo 'bootjack: the menu of this machine has no entry that it can boot'\nsleep 10\nexit\n";
    };
    let timeout = if view.shows_menu() {
        view.timeout
            .map_or("-1".to_owned(), |t| ipxe::seconds(t).to_string())
    } else {
        "0".to_owned()
    };
    let _ = writeln!(
        out,
        "set default={}\nset timeout={timeout}",
        quoted(&default.id)
    );
    if view.items.iter().any(|item| item.boot == Boot::Local) {
        local_disk(&mut out);
    }
    for item in &view.items {
        entry(item, &mut out);
    }
    if let Some(signed) = &view.signed {
        signed::entries(signed, &mut out);
    }
    out
}

fn entry(item: &Item, out: &mut String) {
    let _ = writeln!(
        out,
        "\nmenuentry {} --id {} {{",
        quoted(&item.title),
        quoted(&item.id)
    );
    match &item.boot {
        Boot::Local => out.push_str("  local_disk\n"),
        Boot::Linux {
            kernel,
            initrd,
            args,
            ..
        } => linux(kernel, initrd, args, out),
        Boot::Image { uri, .. } | Boot::Program(uri) | Boot::Script(uri) => {
            let _ = writeln!(out, "  chainloader {}", quoted(uri));
        }
    }
    out.push_str("}\n");
}

fn linux(kernel: &str, initrd: &[String], args: &str, out: &mut String) {
    let words = kernel_words(args);
    let words = std::iter::once(kernel).chain(words.iter().map(String::as_str));
    let _ = writeln!(out, "  linux {}", all_quoted(words));
    if !initrd.is_empty() {
        let _ = writeln!(
            out,
            "  initrd {}",
            all_quoted(initrd.iter().map(String::as_str))
        );
    }
}

/// Loaders on local disks, in the order looked for: a Linux, whose menu knows of a Windows beside
/// it, then Windows, then what is started on a disk that the firmware has no entry for. `$arch` is
/// what names of loaders end with (UEFI specification, 3.5.1.1); FAT knows no capitals.
const LOCAL_LOADERS: &str = "/EFI/debian/shim$arch.efi /EFI/ubuntu/shim$arch.efi \
    /EFI/fedora/shim$arch.efi /EFI/centos/shim$arch.efi /EFI/rocky/shim$arch.efi \
    /EFI/almalinux/shim$arch.efi /EFI/redhat/shim$arch.efi /EFI/opensuse/shim.efi \
    /EFI/sles/shim.efi /EFI/debian/grub$arch.efi /EFI/ubuntu/grub$arch.efi \
    /EFI/Microsoft/Boot/bootmgfw.efi /EFI/BOOT/BOOT$arch.EFI";

/// `exit`, and `exit 1` just so, ends in the setup screen of OVMF instead of the next boot option
/// (seen with Debian 12's signed GRUB), so the disk's own loader is looked for. GRUB itself says what
/// it was built for.
fn local_disk(out: &mut String) {
    let _ = writeln!(
        out,
        "
function local_disk {{
  set arch=x64
  if [ \"$grub_cpu\" = arm64 ]; then set arch=aa64; fi
  if [ \"$grub_cpu\" = i386 ]; then set arch=ia32; fi
  for loader in {LOCAL_LOADERS}; do
    if search --no-floppy --set=root --file $loader; then
      chainloader ($root)$loader
      boot
    fi
  done
  exit
}}"
    );
}

/// A kernel command line in words, as the kernel reads it: double quotes hold blanks together and
/// are no part of the word. GRUB puts them around a word that holds a blank, and a backslash in
/// front of those inside, which the kernel would take as it is (seen with Debian 12's).
fn kernel_words(args: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = None::<String>;
    let mut quoted = false;
    for c in args.chars() {
        match c {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            c if c.is_whitespace() && !quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

fn all_quoted<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.map(quoted).collect::<Vec<_>>().join(" ")
}

pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

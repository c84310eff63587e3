//! How files are read and sent on this host, in words for the log: what the kernel and the file system
//! of the images can do decides.

use std::fs::{self, File};
use std::io::IoSliceMut;
use std::path::Path;

use super::super::Limits;
use super::super::sys::bulk::Bulk;
use super::super::sys::file::{Cached, read_cached};
use crate::config::Effective;
use crate::event::What;

/// So many names of the image folder are tried for one that is a file.
const NAMES: usize = 64;

/// The bounds that these settings make.
pub fn limits(settings: &Effective) -> Limits {
    let usual = Limits::default();
    Limits {
        tftp_windowsize: settings.tftp_windowsize,
        tftp_blksize: settings.tftp_blksize.unwrap_or(usual.tftp_blksize),
        tftp_segmentation: settings.tftp_segmentation,
        ..usual
    }
}

/// What TFTP sends by, and how it reads what lies below the image folder.
pub fn ways(limits: &Limits, images: &Path) -> What {
    let text = told(limits, images);
    What::Notice { text }
}

fn told(limits: &Limits, images: &Path) -> String {
    let sends = match (
        Bulk::chosen(limits.tftp_segmentation),
        limits.tftp_segmentation,
    ) {
        (Bulk::Segments, _) => "UDP segmentation (GSO)",
        (Bulk::Batches, true) => "sendmmsg, for this kernel has no UDP segmentation (Linux 4.18)",
        (Bulk::Batches, false) => "sendmmsg, for tftp-segmentation is off",
    };
    let reads = if cache_is_told(images) {
        "straight from the page cache (RWF_NOWAIT), else"
    } else {
        "(the file system cannot tell what is cached: no RWF_NOWAIT)"
    };
    format!(
        "TFTP sends by {sends} and reads files {reads} by threads of their own; windowsize up to {}, \
         blksize up to {}",
        limits.tftp_windowsize,
        blksize(limits.tftp_blksize),
    )
}

fn blksize(most: u16) -> String {
    match most {
        u16::MAX => "the path's MTU - 32".to_owned(),
        most => format!("{most} and the path's MTU - 32"),
    }
}

/// Whether the kernel says of a file in this folder what is cached; without one, of our own program.
fn cache_is_told(images: &Path) -> bool {
    let names = fs::read_dir(images).into_iter().flatten().take(NAMES);
    let mut files = names
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
    let file = match files.find_map(|entry| File::open(entry.path()).ok()) {
        Some(file) => Ok(file),
        None => File::open("/proc/self/exe"),
    };
    let look = |file: File| read_cached(&file, &mut [IoSliceMut::new(&mut [0])], 0);
    file.and_then(look)
        .is_ok_and(|cached| cached != Cached::Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_chosen_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let usual = told(&Limits::default(), folder.path());
        assert!(
            usual.contains("windowsize up to 64, blksize up to the path's MTU - 32"),
            "{usual}"
        );
        let plain = Limits {
            tftp_segmentation: false,
            tftp_blksize: 1024,
            ..Limits::default()
        };
        let told = told(&plain, folder.path());
        assert!(
            told.contains("by sendmmsg, for tftp-segmentation is off"),
            "{told}"
        );
        assert!(told.contains("up to 1024 and"), "{told}");
    }
}

//! Whatever is in a file, there is a verdict, and it does not take long.

use bootjack::firmware::secure::pe::HEAD;
use bootjack::firmware::secure::{Layout, Program, Starter, Trust, judge, judge_second};
use proptest::prelude::*;

use super::asset;

/// The whole way of a file that is in memory; whether it starts behind Debian's shim.
fn starts(file: &[u8], trust: &Trust) -> bool {
    let head = &file[..file.len().min(HEAD)];
    let Ok(layout) = Layout::read(head, file.len() as u64) else {
        return false;
    };
    let ends = layout
        .hashed
        .iter()
        .chain([&layout.table])
        .map(|range| range.end);
    assert!(ends.max().unwrap() <= file.len() as u64, "{layout:?}");
    let range = layout.table.start as usize..layout.table.end as usize;
    let program = Program::new(&layout, &file[range], None);
    let _ = judge(&program, trust, Starter::Firmware).map_err(|why| why.to_string());
    let _ = judge_second(&program, trust).map_err(|why| why.to_string());
    judge(&program, trust, Starter::Shim).is_ok()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Bytes of its headers and of its signature are others.
    #[test]
    fn any_change_to_a_signed_program_has_a_verdict(
        at in prop::collection::vec((any::<bool>(), any::<prop::sample::Index>(), any::<u8>()), 0..8),
        length in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let whole = asset("mmx64.efi");
        let trust = Trust::of_shim(asset("shimx64.efi")).unwrap();
        let mut file = whole.to_vec();
        let table = Layout::read(&whole[..HEAD], whole.len() as u64).unwrap().table;
        for (in_table, index, value) in at {
            let range = if in_table { table.start as usize..whole.len() } else { 0..0x400 };
            file[range.start + index.index(range.len())] = value;
        }
        if let Some(length) = length {
            file.truncate(length.index(file.len()));
        }
        let _ = starts(&file, &trust);
    }

    #[test]
    fn any_bytes_are_read_as_what_a_shim_trusts(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        size in 0_u8..=255,
    ) {
        let head = [[size, 0, 0, 0], [size / 2, 0, 0, 0], [16, 0, 0, 0], [16, 0, 0, 0]].concat();
        let _ = Trust::read(&bytes);
        let _ = Trust::read(&[&head, bytes.as_slice()].concat());
        prop_assert!(Trust::of_shim(&bytes).is_none());
    }
}

#[test]
fn unchanged_it_starts() {
    let trust = Trust::of_shim(asset("shimx64.efi")).unwrap();
    assert!(starts(asset("mmx64.efi"), &trust));
    assert!(!starts(asset("memtest.efi"), &trust));
}

//! `tag length data`, as DHCP options stand and the sub-options of 43, 82 and 175: 0 pads, 255 ends
//! (RFC 2132, section 2).
//!
//! Invariants: total, linear, and nothing is read behind the end mark or behind a length that lies.

const PAD: u8 = 0;
const END: u8 = 255;

/// What stands behind the last field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The end mark.
    Marked,
    /// Nothing, or pads alone.
    Unmarked,
    /// A field of this tag that is longer than the bytes there are.
    Cut(u8),
}

/// The fields of an area, one after another.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    rest: &'a [u8],
    ending: Ending,
}

/// Reads an area.
pub const fn fields(area: &[u8]) -> Fields<'_> {
    Fields {
        rest: area,
        ending: Ending::Unmarked,
    }
}

/// What stands behind the last field of an area.
pub fn ending(area: &[u8]) -> Ending {
    let mut fields = fields(area);
    fields.by_ref().for_each(drop);
    fields.ending()
}

impl Fields<'_> {
    /// What stands behind the last field, once all were read.
    pub const fn ending(&self) -> Ending {
        self.ending
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let pads = self.rest.iter().take_while(|b| **b == PAD).count();
        let (&tag, after) = std::mem::take(&mut self.rest).get(pads..)?.split_first()?;
        if tag == END {
            self.ending = Ending::Marked;
            return None;
        }
        let field = after.split_first();
        let field = field.and_then(|(length, after)| after.split_at_checked((*length).into()));
        let Some((value, after)) = field else {
            self.ending = Ending::Cut(tag);
            return None;
        };
        self.rest = after;
        Some((tag, value))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(area: &[u8]) -> (Vec<(u8, &[u8])>, Ending) {
        (fields(area).collect(), ending(area))
    }

    #[test]
    fn pads_are_skipped_and_the_end_mark_ends() {
        let area = [0, 6, 1, 8, 0, 71, 2, 0, 1, 0, 255, 9, 1, 1];
        let both = vec![(6, &[8][..]), (71, &[0, 1])];
        assert_eq!(read(&area), (both.clone(), Ending::Marked));
        assert_eq!(read(&area[..10]), (both, Ending::Unmarked));
        assert_eq!(read(&[]), (vec![], Ending::Unmarked));
        assert_eq!(read(&[0, 0]), (vec![], Ending::Unmarked));
    }

    #[test]
    fn a_length_that_lies_is_the_last_thing_read() {
        assert_eq!(read(&[53]), (vec![], Ending::Cut(53)));
        let (found, ending) = read(&[6, 0, 53, 2, 1]);
        assert_eq!((found, ending), (vec![(6, &[][..])], Ending::Cut(53)));
        let mut fields = fields(&[53, 9, 6, 1, 8]);
        assert_eq!((fields.next(), fields.next()), (None, None));
    }

    proptest! {
        #[test]
        fn what_is_written_comes_back(
            all in prop::collection::vec((1..255_u8, prop::collection::vec(any::<u8>(), 0..9)), 0..9),
            ended: bool,
        ) {
            let field = |(tag, value): &(u8, Vec<u8>)| [&[*tag, value.len() as u8], &value[..]].concat();
            let mut area: Vec<u8> = all.iter().flat_map(field).collect();
            area.extend(ended.then_some(END));
            let found: Vec<_> = fields(&area).map(|(tag, value)| (tag, value.to_vec())).collect();
            prop_assert_eq!(found, all);
            prop_assert_eq!(ending(&area), if ended { Ending::Marked } else { Ending::Unmarked });
        }

        #[test]
        fn any_bytes_are_read_to_an_end(area in prop::collection::vec(any::<u8>(), 0..300)) {
            let bytes: usize = fields(&area).map(|(_, value)| value.len() + 2).sum();
            prop_assert!(bytes <= area.len());
        }
    }
}

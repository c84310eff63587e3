//! Blocks as numbers, offsets and lengths: everything about them but their bytes.
//!
//! Blocks count from 1 and on without end; on the wire their number is taken modulo 65,536, so
//! 65,535 is followed by 0 (facts E, quirk 43). The last block is the first one shorter than the
//! block size; a file of whole blocks ends with an empty one.

/// How a file falls into blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Bytes of the whole file.
    pub size: u64,
    /// Bytes a block, at least 1.
    pub blksize: u16,
}

/// Consecutive blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    shape: Shape,
    first: u64,
    last: u64,
}

/// One block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// Its number on the wire.
    pub number: u16,
    /// Where its bytes begin in the file.
    pub offset: u64,
    /// How many they are: the block size, or fewer in the last block.
    pub len: u16,
}

impl Shape {
    /// The number of the last block, counted without end.
    pub fn last(self) -> u64 {
        (self.size / u64::from(self.blksize.max(1))).saturating_add(1)
    }

    /// Where a block begins.
    fn offset(self, block: u64) -> u64 {
        let before = block.saturating_sub(1);
        before
            .saturating_mul(u64::from(self.blksize))
            .min(self.size)
    }

    /// The bytes up to the end of a block.
    pub fn bytes_through(self, block: u64) -> u64 {
        self.offset(block.saturating_add(1))
    }

    /// Blocks `first` to `last`, cut at the end of the file; `None` where none is left.
    pub fn run(self, first: u64, last: u64) -> Option<Run> {
        let last = last.min(self.last());
        let run = Run {
            shape: self,
            first: first.max(1),
            last,
        };
        (run.first <= last).then_some(run)
    }
}

impl Run {
    /// The first block, counted without end.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// The last block, counted without end.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// Bytes a block, but for the file's last.
    pub fn blksize(&self) -> u16 {
        self.shape.blksize
    }

    /// Where its bytes begin in the file.
    pub fn offset(&self) -> u64 {
        self.shape.offset(self.first)
    }

    /// How many bytes of the file it covers.
    pub fn bytes(&self) -> u64 {
        self.shape.bytes_through(self.last) - self.offset()
    }

    /// Its blocks in order.
    pub fn blocks(&self) -> impl Iterator<Item = Block> + use<> {
        let shape = self.shape;
        (self.first..=self.last).map(move |block| {
            let offset = shape.offset(block);
            Block {
                number: block as u16, // modulo 65,536: the roll-over
                offset,
                len: (shape.bytes_through(block) - offset) as u16,
            }
        })
    }

    /// Blocks `first` to `last` of the same file, as [`Shape::run`] has them.
    pub fn sibling(&self, first: u64, last: u64) -> Option<Self> {
        self.shape.run(first, last)
    }

    /// The same blocks as runs of at most `blocks` each.
    pub fn pieces(&self, blocks: u64) -> impl Iterator<Item = Self> + use<> {
        let (shape, last, step) = (self.shape, self.last, blocks.max(1));
        let mut next = self.first;
        std::iter::from_fn(move || {
            let piece = shape.run(next, last.min(next.saturating_add(step - 1)))?;
            next = piece.last + 1;
            Some(piece)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn shape(size: u64, blksize: u16) -> Shape {
        Shape { size, blksize }
    }

    #[test]
    fn a_file_ends_with_a_short_or_an_empty_block() {
        for (size, last, len) in [(0, 1, 0), (511, 1, 511), (512, 2, 0), (513, 2, 1)] {
            let shape = shape(size, 512);
            assert_eq!(shape.last(), last, "{size}");
            let run = shape.run(1, u64::MAX).unwrap();
            assert_eq!(run.blocks().last().unwrap().len, len, "{size}");
            assert_eq!(run.bytes(), size);
        }
    }

    #[test]
    fn numbers_roll_over_to_zero_and_offsets_do_not() {
        let run = shape(100_000_000, 512).run(65_535, 65_537).unwrap();
        let blocks: Vec<(u16, u64)> = run.blocks().map(|b| (b.number, b.offset)).collect();
        let at = |n: u64| (n - 1) * 512;
        assert_eq!(
            blocks,
            [(65_535, at(65_535)), (0, at(65_536)), (1, at(65_537))]
        );
    }

    #[test]
    fn pieces_are_the_run() {
        let run = shape(1000, 8).run(3, 17).unwrap();
        let pieces: Vec<Run> = run.pieces(4).collect();
        assert_eq!(
            pieces.iter().map(|p| (p.first, p.last)).collect::<Vec<_>>(),
            [(3, 6), (7, 10), (11, 14), (15, 17)]
        );
        assert_eq!(pieces.iter().map(Run::bytes).sum::<u64>(), run.bytes());
        let blocks: Vec<Block> = pieces.iter().flat_map(Run::blocks).collect();
        assert_eq!(blocks, run.blocks().collect::<Vec<_>>());
    }

    #[test]
    fn nothing_lies_beyond_the_end() {
        assert_eq!(shape(512, 512).run(3, 9), None);
        assert_eq!(shape(512, 512).run(2, 9).map(|run| run.last()), Some(2));
    }
}

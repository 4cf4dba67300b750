//! What is looked up first, since so much is: whether four bytes may begin something that is known.

/// The bytes that may begin something that is known: so much is looked up that this has to come first.
pub struct Filter(Vec<u64>);

impl Default for Filter {
    fn default() -> Self {
        Filter(vec![0; 1 << 12])
    }
}

impl std::fmt::Debug for Filter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Filter")
    }
}

impl Filter {
    fn place(start: [u8; 4]) -> (usize, u64) {
        let hash = (u32::from_le_bytes(start).wrapping_mul(0x9E37_79B1) >> 14) as usize;
        (hash / 64, 1 << (hash % 64))
    }

    /// From now on these may begin something.
    pub fn insert(&mut self, start: [u8; 4]) {
        let (word, bit) = Self::place(start);
        self.0[word] |= bit;
    }

    /// Whether these may.
    pub fn may_have(&self, start: [u8; 4]) -> bool {
        let (word, bit) = Self::place(start);
        self.0[word] & bit != 0
    }
}

/// The bytes at a place, if there are so many.
pub fn gram<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

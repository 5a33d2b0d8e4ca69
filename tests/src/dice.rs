//! Seeded randomness: the same on every machine, so that a printed seed is a bug report.

/// SplitMix64 (Steele, Lea, Flood 2014).
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// Dice that fall the same way every time.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// Dice whose seed is `LAB_SEED`, or else random; the seed is printed, so that what they led to
    /// can be seen again.
    #[must_use]
    pub fn printed(what: &str) -> Self {
        let given = std::env::var("LAB_SEED").ok();
        let seed = given.and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or_else(|| uuid::Uuid::new_v4().as_u64_pair().0);
        println!("{what}: seed {seed} (LAB_SEED={seed} repeats it)");
        Self(seed)
    }

    /// Other dice, told apart by `salt`.
    #[must_use]
    pub fn fork(&self, salt: u64) -> Self {
        let mut dice = Self(self.0 ^ salt.wrapping_mul(0xd1b5_4a32_d192_ed03));
        dice.roll();
        dice
    }

    /// 64 random bits.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which is at least 1.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.roll() % bound.max(1)
    }

    /// One of them, if there are any.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let index = usize::try_from(self.below(from.len() as u64)).unwrap_or(0);
        from.get(index)
    }
}

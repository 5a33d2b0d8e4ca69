//! Reproducible chance and scaling of waits.

/// Spreads a number over 64 bits (the finaliser of `SplitMix64`, Steele et al., 2014).
pub(crate) const fn mix(seed: u64) -> u64 {
    let mut bits = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// A number in `[0, 1)` that follows from the seed.
#[expect(
    clippy::cast_precision_loss,
    reason = "the upper 53 bits are exact in an f64"
)]
pub(crate) const fn unit(seed: u64) -> f64 {
    (mix(seed) >> 11) as f64 / (1_u64 << 53) as f64
}

/// `nanos × factor`, saturating; a factor that is not a number gives zero.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "waits need no more than 53 bits, and the conversion back saturates"
)]
pub(crate) const fn scale(nanos: u64, factor: f64) -> u64 {
    (nanos as f64 * factor) as u64
}

use crate::chance::mix;

/// Where a kiosk falls in the roll-out of a switch, 0 to 9,999 hundredths of a per cent.
///
/// A setting for `n` per cent covers those below `n × 100`. The place depends on both names and on
/// nothing else, now and in all versions to come: FNV-1a (64 bits) over the switch, a zero byte and
/// the kiosk, spread by the finaliser of `SplitMix64`, modulo 10,000. So the same kiosks are not
/// always the first.
///
/// ```
/// use resilience::switches::share_of;
/// assert_eq!(share_of("recommendations", "k7"), share_of("recommendations", "k7"));
/// assert_ne!(share_of("recommendations", "k7"), share_of("payments", "k7"));
/// ```
#[must_use]
pub fn share_of(switch: &str, kiosk: &str) -> u32 {
    let bytes = switch.bytes().chain([0]).chain(kiosk.bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    u32::try_from(mix(hash) % 10_000).unwrap_or(0)
}

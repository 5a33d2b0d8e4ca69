//! The runs of a kiosk that say hello for one journal: one that restarts never comes back to an earlier
//! run, two that share a copied disk do so again and again. Pure.

use kiosk_core::ids::BootId;

/// A hello that was delayed can look like one return; three in a row are two kiosks.
const RETURNS: u32 = 3;

/// The latest two runs, and how often the one has come back after the other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Runs {
    pub(crate) latest: Option<BootId>,
    pub(crate) before: Option<BootId>,
    pub(crate) alternations: u32,
}

impl Runs {
    /// Notes a hello; whether two kiosks are at it.
    pub(crate) fn note(&mut self, boot: BootId) -> bool {
        if self.latest == Some(boot) {
            return false;
        }
        self.alternations = match self.before == Some(boot) {
            true => self.alternations.saturating_add(1),
            false => 0,
        };
        (self.before, self.latest) = (self.latest, Some(boot));
        self.alternations >= RETURNS
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn notes(boots: &[u128]) -> Vec<bool> {
        let mut runs = Runs::default();
        let note = |boot: &u128| runs.note(BootId(Uuid::from_u128(*boot)));
        boots.iter().map(note).collect()
    }

    #[test]
    fn restarts_and_a_hello_that_was_late_are_one_kiosk() {
        assert!(!notes(&[1, 1, 2, 3, 3, 4, 5]).contains(&true));
        assert!(!notes(&[1, 2, 1, 2, 3, 2, 3, 4]).contains(&true));
    }

    #[test]
    fn runs_that_take_turns_are_two() {
        assert_eq!(notes(&[1, 2, 1, 2, 1]), [false, false, false, false, true]);
    }
}

//! The menu a kiosk starts with: a file, or the sample in the binary.

use std::path::Path;

use kiosk_core::document::Fault;
use kiosk_core::menu::{Menu, Parsed};

/// The sample menu: Lantern Noodles.
pub const SAMPLE: &[u8] = include_bytes!("../menus/lantern-noodles.json");

/// Why a menu file can't be used.
#[derive(Debug, thiserror::Error)]
pub enum MenuTrouble {
    /// It can't be read.
    #[error("{file} can't be read: {error}")]
    Unreadable {
        /// The file.
        file: String,
        /// What the system says.
        error: std::io::Error,
    },
    /// It is not a menu that can be used.
    #[error("{file} is not a valid menu: {} faults", faults.len())]
    Faulty {
        /// The file.
        file: String,
        /// All of its faults.
        faults: Vec<Fault>,
    },
}

impl MenuTrouble {
    /// One line for each thing that is wrong.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        match self {
            Self::Unreadable { .. } => vec![self.to_string()],
            Self::Faulty { file, faults } => faults
                .iter()
                .map(|fault| format!("{file}: {fault}"))
                .collect(),
        }
    }
}

/// Reads and validates the menu in `file`, or the sample.
///
/// # Errors
/// [`MenuTrouble`] with every fault.
pub fn load(file: Option<&Path>) -> Result<Parsed, MenuTrouble> {
    let name = file.map_or("the sample menu".to_owned(), |file| {
        file.display().to_string()
    });
    let read;
    let bytes = match file {
        Some(file) => {
            read = std::fs::read(file).map_err(|error| MenuTrouble::Unreadable {
                file: name.clone(),
                error,
            })?;
            &read
        }
        None => SAMPLE,
    };
    Menu::parse(bytes).map_err(|faults| MenuTrouble::Faulty { file: name, faults })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_is_a_whole_noodle_house() {
        let Parsed { menu, warnings } = load(None).unwrap();
        assert_eq!(warnings, []);
        assert!(menu.items().len() >= 40, "{} items", menu.items().len());
        assert_eq!(menu.categories.len(), 9);
        assert_eq!(menu.languages, ["en", "zh-Hans"]);
        let told =
            |item: &&kiosk_core::menu::Item| item.calories.is_some() && item.picture.is_some();
        assert_eq!(menu.items().iter().filter(told).count(), menu.items().len());
    }
}

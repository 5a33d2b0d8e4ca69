use crate::{Address, Settings};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// What a USB device calls itself. Unlike `/dev/usb/lp0`, this stays the same whatever else is plugged in
/// and in whatever order.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct UsbId {
    /// Vendor number.
    pub vendor: u16,
    /// Product number.
    pub product: u16,
    /// Serial number. Cheap printers have none, or all the same: then only one of them can be told apart
    /// by its id.
    pub serial: Option<String>,
}

impl fmt::Display for UsbId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}:{:04x}", self.vendor, self.product)?;
        match &self.serial {
            Some(serial) => write!(f, ":{serial}"),
            None => Ok(()),
        }
    }
}

impl UsbId {
    /// Reads the form `04b8:0e28` or `04b8:0e28:SERIAL`.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, ':');
        let vendor = hexadecimal(parts.next()?)?;
        let product = hexadecimal(parts.next()?)?;
        let serial = parts.next().map(str::to_owned);
        if serial.as_deref() == Some("") {
            return None;
        }
        Some(Self {
            vendor,
            product,
            serial,
        })
    }

    /// Whether a device of this id is meant by `wanted`, which may leave the serial number open.
    fn is_meant_by(&self, wanted: &Self) -> bool {
        self.vendor == wanted.vendor
            && self.product == wanted.product
            && (wanted.serial.is_none() || self.serial == wanted.serial)
    }
}

/// Four hexadecimal digits, no more and no less.
fn hexadecimal(text: &str) -> Option<u16> {
    let valid = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    valid.then(|| u16::from_str_radix(text, 16).ok()).flatten()
}

/// A device that is attached now.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Found {
    /// Its address, to be put into a configuration; stays the same over replugging and restarts.
    pub address: Address,
    /// What its maker calls it, or the nearest to that.
    pub description: String,
}

/// The attached USB printers, scanners that pose as keyboards, and USB serial lines, sorted by address.
///
/// `root` is `/`, or a folder that stands for it in tests. What cannot be read is left out: discovery helps
/// people to configure, nothing depends on it.
#[must_use]
pub fn discover(root: &Path) -> Vec<Found> {
    let mut found: Vec<Found> = usb_printers(root)
        .into_iter()
        .map(|(id, _, description)| Found {
            address: Address::UsbDevice(id),
            description,
        })
        .chain(serial_lines(root))
        .chain(
            keyboards(root)
                .into_iter()
                .map(|(id, _, description)| Found {
                    address: Address::HidDevice(id),
                    description,
                }),
        )
        .collect();
    found.sort_by_key(|device| device.address.to_string());
    found
}

/// The device node of the USB printer with this id, as of now.
pub(crate) fn usb_node(root: &Path, wanted: &UsbId) -> Option<PathBuf> {
    let nodes = usb_printers(root).into_iter();
    nodes
        .filter(|(id, ..)| id.is_meant_by(wanted))
        .map(|(_, node, _)| node)
        .min()
}

/// The device node of the keyboard, or what poses as one, with this id, as of now.
pub(crate) fn hid_node(root: &Path, wanted: &UsbId) -> Option<PathBuf> {
    let nodes = keyboards(root).into_iter();
    nodes
        .filter(|(id, ..)| id.is_meant_by(wanted))
        .map(|(_, node, _)| node)
        .min()
}

/// Id, device node and description of every device that sends the reports of a boot keyboard. Which of
/// them are scanners, only people can tell.
fn keyboards(root: &Path) -> Vec<(UsbId, PathBuf, String)> {
    // Usage page 1 (generic desktop), usage 6 (keyboard): HID Usage Tables, chapter 4.
    const KEYBOARD: [u8; 4] = [0x05, 0x01, 0x09, 0x06];
    entries(&root.join("sys/class/hidraw"))
        .into_iter()
        .filter_map(|entry| {
            let name = entry.file_name()?.to_str()?.to_owned();
            let device = entry.join("device");
            let descriptor = fs::read(device.join("report_descriptor")).ok()?;
            if !descriptor.starts_with(&KEYBOARD) {
                return None;
            }
            let uevent = fs::read_to_string(device.join("uevent")).ok()?;
            let value = |key: &str| {
                let mut values = uevent.lines().filter_map(|line| line.split_once('='));
                let found = values.find(|(name, _)| *name == key)?;
                Some(found.1.trim().to_owned()).filter(|text| !text.is_empty())
            };
            // Bus, vendor and product: `0003:000005E0:00001200`.
            let numbers = value("HID_ID")?;
            let mut numbers = numbers.split(':').skip(1);
            let mut number = || hexadecimal(numbers.next()?.strip_prefix("0000")?);
            let id = UsbId {
                vendor: number()?,
                product: number()?,
                serial: value("HID_UNIQ"),
            };
            let description = value("HID_NAME").unwrap_or_else(|| id.to_string());
            Some((id, root.join("dev").join(name), description))
        })
        .collect()
}

/// Id, device node and description of every printer that the `usblp` driver holds. Its entries in sysfs
/// point to the USB interface, whose parent is the device with the numbers and names.
fn usb_printers(root: &Path) -> Vec<(UsbId, PathBuf, String)> {
    entries(&root.join("sys/class/usbmisc"))
        .into_iter()
        .filter_map(|entry| {
            let name = entry.file_name()?.to_str()?.to_owned();
            if !name.starts_with("lp") {
                return None;
            }
            let interface = fs::canonicalize(entry.join("device")).ok()?;
            let device = interface.parent()?;
            let attribute = |name| {
                let text = fs::read_to_string(device.join(name)).ok()?;
                Some(text.trim().to_owned()).filter(|text| !text.is_empty())
            };
            let id = UsbId {
                vendor: hexadecimal(&attribute("idVendor")?)?,
                product: hexadecimal(&attribute("idProduct")?)?,
                serial: attribute("serial"),
            };
            let names = [attribute("manufacturer"), attribute("product")];
            let names: Vec<String> = names.into_iter().flatten().collect();
            let description = if names.is_empty() {
                id.to_string()
            } else {
                names.join(" ")
            };
            Some((id, root.join("dev/usb").join(name), description))
        })
        .collect()
}

/// The names that udev gives serial lines by what is at their end.
fn serial_lines(root: &Path) -> Vec<Found> {
    const BY_ID: &str = "dev/serial/by-id";
    entries(&root.join(BY_ID))
        .into_iter()
        .filter_map(|entry| {
            let name = entry.file_name()?.to_str()?;
            let path = Path::new("/").join(BY_ID).join(name);
            let address = Address::Serial(path, Settings::default());
            Some(Found {
                address,
                description: name.replace('_', " "),
            })
        })
        .collect()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{UsbId, discover, hid_node, usb_node};
    use crate::Address;
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    /// A printer as sysfs shows it: the class entry, the interface, the device above it.
    fn plug(root: &Path, name: &str, place: &str, attributes: &[(&str, &str)]) {
        let device = root.join("sys/devices/usb1").join(place);
        let interface = device.join(format!("{place}:1.0"));
        let entry = interface.join("usbmisc").join(name);
        fs::create_dir_all(&entry).unwrap();
        symlink(&interface, entry.join("device")).unwrap();
        for (attribute, text) in attributes {
            fs::write(device.join(attribute), format!("{text}\n")).unwrap();
        }
        let class = root.join("sys/class/usbmisc");
        fs::create_dir_all(&class).unwrap();
        symlink(&entry, class.join(name)).unwrap();
    }

    fn tree() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let epson = [("idVendor", "04b8"), ("idProduct", "0e28")];
        let names = [("manufacturer", "EPSON"), ("product", "TM-m30")];
        plug(
            root.path(),
            "lp1",
            "1-2",
            &[&epson[..], &names, &[("serial", "X5UQ1")]].concat(),
        );
        plug(
            root.path(),
            "lp0",
            "1-3",
            &[&epson[..], &names, &[("serial", "X5UQ2")]].concat(),
        );
        plug(
            root.path(),
            "lp2",
            "1-4",
            &[("idVendor", "0416"), ("idProduct", "5011")],
        );
        plug(root.path(), "lp3", "1-5", &[("idVendor", "nonsense")]);
        plug(root.path(), "hiddev0", "1-6", &epson);
        let by_id = root.path().join("dev/serial/by-id");
        fs::create_dir_all(&by_id).unwrap();
        symlink("../../ttyUSB0", by_id.join("usb-FTDI_FT232R_A1-if00-port0")).unwrap();
        root
    }

    #[test]
    fn printers_and_lines_are_found_under_stable_names() {
        let root = tree();
        let found: Vec<(String, String)> = discover(root.path())
            .into_iter()
            .map(|device| (device.address.to_string(), device.description))
            .collect();
        let expected = [
            (
                "serial:/dev/serial/by-id/usb-FTDI_FT232R_A1-if00-port0,38400",
                "usb-FTDI FT232R A1-if00-port0",
            ),
            ("usb:0416:5011", "0416:5011"),
            ("usb:04b8:0e28:X5UQ1", "EPSON TM-m30"),
            ("usb:04b8:0e28:X5UQ2", "EPSON TM-m30"),
        ];
        assert_eq!(
            found,
            expected.map(|(address, name)| (address.to_owned(), name.to_owned()))
        );
        for (address, _) in found {
            assert_eq!(address.parse::<Address>().unwrap().to_string(), address);
        }
    }

    #[test]
    fn an_id_leads_to_the_node_it_has_now() {
        let root = tree();
        let node = |text| usb_node(root.path(), &UsbId::from_text(text).unwrap());
        let at = |name| Some(root.path().join(name));
        assert_eq!(node("04b8:0e28:X5UQ1"), at("dev/usb/lp1"));
        assert_eq!(node("04b8:0e28:X5UQ2"), at("dev/usb/lp0"));
        assert_eq!(node("04b8:0e28"), at("dev/usb/lp0"), "the first of several");
        assert_eq!(node("0416:5011"), at("dev/usb/lp2"));
        assert_eq!(node("0416:5011:1"), None);
        assert_eq!(node("ffff:0000"), None);
    }

    /// An input device as sysfs shows it.
    fn plug_hid(root: &Path, name: &str, descriptor: &[u8], uevent: &str) {
        let device = root.join("sys/class/hidraw").join(name).join("device");
        fs::create_dir_all(&device).unwrap();
        fs::write(device.join("report_descriptor"), descriptor).unwrap();
        fs::write(device.join("uevent"), uevent).unwrap();
    }

    #[test]
    fn what_poses_as_a_keyboard_is_found_and_a_mouse_is_not() {
        let root = tempfile::tempdir().unwrap();
        let keyboard = [5, 1, 9, 6, 0xA1, 1];
        let scanner = "HID_ID=0003:000005E0:00001200\nHID_NAME=Symbol Scanner\nHID_UNIQ=S1\n";
        plug_hid(root.path(), "hidraw2", &keyboard, scanner);
        plug_hid(root.path(), "hidraw0", &[5, 1, 9, 2], scanner);
        plug_hid(root.path(), "hidraw1", &keyboard, "HID_ID=0003:nonsense\n");
        plug_hid(
            root.path(),
            "hidraw3",
            &keyboard,
            "HID_ID=0003:00000C2E:00000200\nHID_UNIQ=\n",
        );
        let found = discover(root.path()).into_iter();
        let found: Vec<_> = found
            .map(|device| (device.address.to_string(), device.description))
            .collect();
        let expected = [
            ("hid:05e0:1200:S1", "Symbol Scanner"),
            ("hid:0c2e:0200", "0c2e:0200"),
        ];
        assert_eq!(
            found,
            expected.map(|(address, name)| (address.to_owned(), name.to_owned()))
        );
        let node = |text| hid_node(root.path(), &UsbId::from_text(text).unwrap());
        assert_eq!(node("05e0:1200"), Some(root.path().join("dev/hidraw2")));
        assert_eq!(node("05e0:1200:S2"), None);
    }

    #[test]
    fn a_machine_without_devices_has_none() {
        assert_eq!(discover(tempfile::tempdir().unwrap().path()), []);
    }

    #[test]
    fn ids_are_four_digits_each_and_a_serial_number() {
        for text in ["04b8:0e28", "04B8:0E28:A:1", "ffff:0000:x y"] {
            assert!(UsbId::from_text(text).is_some(), "{text}");
        }
        for text in [
            "",
            "04b8",
            "4b8:0e28",
            "04b8:0e2g",
            "+4b8:0e28",
            "04b8:0e28:",
            "é4b8:0e28",
        ] {
            assert!(UsbId::from_text(text).is_none(), "{text}");
        }
    }
}

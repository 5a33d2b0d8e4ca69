//! The disk as SQLite asks for it by name: `sqlite3_vfs`.
//!
//! SQLite may hold the address of a VFS for as long as any connection lives, even one that has
//! opened none of its files yet. So that no safe code can make it dangle, a [`Mount`] is never
//! freed (a few hundred bytes per disk); what it refers to is held weakly, and is gone with the
//! [`Disk`](crate::Disk) and its last open file.

#![expect(
    unsafe_code,
    reason = "a VFS is a table of C functions over raw pointers"
)]

use std::cell::UnsafeCell;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::fmt;
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use rusqlite::ffi;

use crate::disk::Shared;
use crate::handle::{self, RawHandle};
use crate::open_file::OpenFile;
use crate::storage::Creation;

const MAX_NAME: c_int = 1024;

/// 2026-01-01 00:00 UTC as a Julian day. The disk has no clock: SQL's "now" stands still.
const NOW: f64 = 2_461_041.5;

struct Mount {
    vfs: UnsafeCell<ffi::sqlite3_vfs>,
    name: CString,
    disk: Weak<Shared>,
}

/// Keeps a disk's name known to SQLite.
pub(crate) struct Registration {
    mount: &'static Mount,
    name: String,
}

// SAFETY: `name` and `disk` are Send and Sync and never change. `vfs` is written here only before
// it is registered, and from then on by SQLite alone, under its own global mutex; the fields that
// this crate reads later (`pAppData`) are not among those that SQLite writes (`pNext`).
unsafe impl Sync for Mount {}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Registration").field(&self.name).finish()
    }
}

impl Registration {
    pub(crate) fn new(disk: &Arc<Shared>) -> Registration {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("lossy-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let c_name = CString::new(name.as_str()).expect("the name has no NUL byte");
        let vfs = UnsafeCell::new(table());
        let mount: &'static Mount = Box::leak(Box::new(Mount {
            vfs,
            name: c_name,
            disk: Arc::downgrade(disk),
        }));
        let table = mount.vfs.get();
        // SAFETY: nobody else knows `mount` yet, so the table can be written. It and what it points
        // to (the name's bytes, `mount` itself) are never freed nor moved, as registering asks.
        let code = unsafe {
            (*table).zName = mount.name.as_ptr();
            (*table).pAppData = ptr::from_ref(mount).cast_mut().cast();
            ffi::sqlite3_vfs_register(table, 0)
        };
        assert_eq!(code, ffi::SQLITE_OK, "SQLite did not take the VFS");
        Registration { mount, name }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        // SAFETY: the table was registered by `new` and is unregistered here only, once. Connections
        // may still use it: it is not freed.
        unsafe { ffi::sqlite3_vfs_unregister(self.mount.vfs.get()) };
    }
}

fn table() -> ffi::sqlite3_vfs {
    ffi::sqlite3_vfs {
        iVersion: 1,
        szOsFile: c_int::try_from(size_of::<RawHandle>()).expect("two pointers"),
        mxPathname: MAX_NAME,
        pNext: ptr::null_mut(),
        zName: ptr::null(),
        pAppData: ptr::null_mut(),
        xOpen: Some(open),
        xDelete: Some(delete),
        xAccess: Some(access),
        xFullPathname: Some(full_path_name),
        xDlOpen: Some(library_open),
        xDlError: Some(library_error),
        xDlSym: None,
        xDlClose: None,
        xRandomness: Some(randomness),
        xSleep: Some(sleep),
        xCurrentTime: Some(current_time),
        xGetLastError: None,
        xCurrentTimeInt64: None,
        xSetSystemCall: None,
        xGetSystemCall: None,
        xNextSystemCall: None,
    }
}

/// None once the disk is gone.
///
/// # Safety
/// `vfs` is one of our tables, as SQLite hands it to each function of the table.
unsafe fn disk(vfs: *mut ffi::sqlite3_vfs) -> Option<Arc<Shared>> {
    // SAFETY: our tables are never freed; `pAppData` was set to their `Mount` before they were
    // registered, and nobody writes it again.
    let mount = unsafe { &*(*vfs).pAppData.cast::<Mount>() };
    mount.disk.upgrade()
}

/// # Safety
/// `name` is null or a NUL-terminated string that lives until the end of the call.
unsafe fn text(name: *const c_char) -> Option<String> {
    if name.is_null() {
        return None;
    }
    // SAFETY: as this function's caller promises.
    let name = unsafe { CStr::from_ptr(name) };
    Some(name.to_string_lossy().into_owned())
}

/// # Safety
/// As `sqlite3_vfs.xOpen`: `file` has room for `szOsFile` bytes, `flags_out` is null or writable.
unsafe extern "C" fn open(
    vfs: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    flags_out: *mut c_int,
) -> c_int {
    // SAFETY: SQLite passes one of our tables and a name that is null or a string.
    let (disk, name) = unsafe { (disk(vfs), text(name)) };
    let creation = Creation {
        create: flags & ffi::SQLITE_OPEN_CREATE != 0,
        exclusive: flags & ffi::SQLITE_OPEN_EXCLUSIVE != 0,
    };
    let opened = disk.and_then(|disk| {
        let id = disk.storage_mut().open(name.as_deref(), &creation).ok()?;
        Some(OpenFile::new(disk, id, name, flags))
    });
    let code = if opened.is_some() {
        ffi::SQLITE_OK
    } else {
        ffi::SQLITE_CANTOPEN
    };
    // SAFETY: `file` points to `szOsFile` = size_of::<RawHandle>() bytes, aligned for pointers,
    // which are ours to initialise; null methods tell SQLite not to call xClose.
    unsafe { file.cast::<RawHandle>().write(handle::raw(opened)) };
    if code == ffi::SQLITE_OK && !flags_out.is_null() {
        // SAFETY: not null, hence SQLite's int to write to.
        unsafe { *flags_out = flags };
    }
    code
}

/// # Safety
/// As `sqlite3_vfs.xDelete`.
unsafe extern "C" fn delete(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    sync_directory: c_int,
) -> c_int {
    // SAFETY: SQLite passes one of our tables and a string.
    let (Some(disk), Some(name)) = (unsafe { (disk(vfs), text(name)) }) else {
        return ffi::SQLITE_IOERR_DELETE;
    };
    let deleted = disk.storage_mut().delete(&name, sync_directory != 0);
    match deleted {
        Ok(true) => ffi::SQLITE_OK,
        Ok(false) => ffi::SQLITE_IOERR_DELETE_NOENT,
        Err(_) => ffi::SQLITE_IOERR_DELETE,
    }
}

/// An empty file does not count as there, just as on Unix.
///
/// # Safety
/// As `sqlite3_vfs.xAccess`.
unsafe extern "C" fn access(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    flags: c_int,
    found: *mut c_int,
) -> c_int {
    // SAFETY: SQLite passes one of our tables and a string.
    let (Some(disk), Some(name)) = (unsafe { (disk(vfs), text(name)) }) else {
        return ffi::SQLITE_IOERR_ACCESS;
    };
    let storage = disk.storage();
    if storage.faults.is_off() {
        return ffi::SQLITE_IOERR_ACCESS;
    }
    let is_there = storage
        .find(&name)
        .is_some_and(|id| flags != ffi::SQLITE_ACCESS_EXISTS || storage.len(id) > 0);
    // SAFETY: SQLite passes an int to write the answer to.
    unsafe { *found = c_int::from(is_there) };
    ffi::SQLITE_OK
}

/// Names are taken as they come: there is no current folder to resolve them against.
///
/// # Safety
/// As `sqlite3_vfs.xFullPathname`: `out` has room for `size` bytes.
unsafe extern "C" fn full_path_name(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    size: c_int,
    out: *mut c_char,
) -> c_int {
    // SAFETY: SQLite passes a string.
    let name = unsafe { CStr::from_ptr(name) }.to_bytes_with_nul();
    if usize::try_from(size).is_ok_and(|size| name.len() <= size) {
        // SAFETY: `out` has room for `size` bytes, at least as many as are copied, and is a buffer
        // of SQLite's own beside the name.
        unsafe { ptr::copy_nonoverlapping(name.as_ptr().cast(), out, name.len()) };
        ffi::SQLITE_OK
    } else {
        ffi::SQLITE_CANTOPEN
    }
}

/// No extension is ever loaded from a simulated disk; so symbols are never asked for either.
unsafe extern "C" fn library_open(_: *mut ffi::sqlite3_vfs, _: *const c_char) -> *mut c_void {
    ptr::null_mut()
}

/// # Safety
/// As `sqlite3_vfs.xDlError`: `out` has room for `size` bytes.
unsafe extern "C" fn library_error(_: *mut ffi::sqlite3_vfs, size: c_int, out: *mut c_char) {
    if size > 0 {
        // SAFETY: there is room for at least one byte.
        unsafe { *out = 0 };
    }
}

/// # Safety
/// As `sqlite3_vfs.xRandomness`: `out` has room for `size` bytes.
unsafe extern "C" fn randomness(
    vfs: *mut ffi::sqlite3_vfs,
    size: c_int,
    out: *mut c_char,
) -> c_int {
    // SAFETY: SQLite passes one of our tables.
    let (Some(disk), Ok(len)) = (unsafe { disk(vfs) }, usize::try_from(size)) else {
        return 0;
    };
    let mut bytes = vec![0; len];
    disk.randomness(&mut bytes);
    // SAFETY: `out` has room for `size` bytes, and `bytes` is a buffer of our own.
    unsafe { ptr::copy_nonoverlapping(bytes.as_ptr().cast(), out, len) };
    size
}

/// Waiting for a lock is waiting for another thread, in real time: the platform's VFS does it.
unsafe extern "C" fn sleep(_: *mut ffi::sqlite3_vfs, microseconds: c_int) -> c_int {
    // SAFETY: null asks for the default VFS, which is never ours and is never unregistered.
    let platform = unsafe { ffi::sqlite3_vfs_find(ptr::null()) };
    if platform.is_null() {
        return 0;
    }
    // SAFETY: a registered VFS's own function, called with that VFS.
    unsafe {
        (*platform)
            .xSleep
            .map_or(0, |sleep| sleep(platform, microseconds))
    }
}

/// # Safety
/// As `sqlite3_vfs.xCurrentTime`.
unsafe extern "C" fn current_time(_: *mut ffi::sqlite3_vfs, out: *mut f64) -> c_int {
    // SAFETY: SQLite passes a double to write the answer to.
    unsafe { *out = NOW };
    ffi::SQLITE_OK
}

//! An open file as SQLite works with it: `sqlite3_io_methods`.
//!
//! SQLite sees two words: the table of methods and a pointer to an [`OpenFile`] that `raw` boxed
//! and `close` frees. In between every method takes a shared reference to it; what changes lies
//! behind the locks of the disk.

#![expect(
    unsafe_code,
    reason = "a VFS is a table of C functions over raw pointers"
)]

use std::ffi::{c_int, c_void};
use std::ptr;
use std::slice;
use std::sync::atomic::{Ordering, fence};

use rusqlite::ffi;

use crate::SECTOR;
use crate::faults::Failure;
use crate::locks::{Busy, Level};
use crate::open_file::OpenFile;

/// What SQLite allocates for each file: its own part first, as C's way of deriving demands.
#[repr(C)]
pub(crate) struct RawHandle {
    base: ffi::sqlite3_file,
    open: *mut OpenFile,
}

/// Null methods tell SQLite that the file did not open.
pub(crate) fn raw(opened: Option<OpenFile>) -> RawHandle {
    match opened {
        Some(open) => RawHandle {
            base: ffi::sqlite3_file {
                pMethods: &raw const METHODS,
            },
            open: Box::into_raw(Box::new(open)),
        },
        None => RawHandle {
            base: ffi::sqlite3_file {
                pMethods: ptr::null(),
            },
            open: ptr::null_mut(),
        },
    }
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    // Version 2 has shared memory; 3 would add memory mapping, which nothing here can tear.
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

/// # Safety
/// `file` was opened by our VFS and is not closed during `'a`, as SQLite promises each method.
unsafe fn opened<'a>(file: *mut ffi::sqlite3_file) -> &'a OpenFile {
    // SAFETY: our methods are found only in files that `raw` made, where `open` is a live box until
    // `close`; nobody holds a mutable reference to it before then.
    unsafe { &*(*file.cast::<RawHandle>()).open }
}

fn code(result: Result<(), Failure>, io: c_int, full: c_int) -> c_int {
    match result {
        Ok(()) => ffi::SQLITE_OK,
        Err(Failure::Io) => io,
        Err(Failure::NoSpace) => full,
    }
}

/// # Safety
/// As `sqlite3_io_methods.xClose`: no other call on this file is under way or follows.
unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    let raw = file.cast::<RawHandle>();
    // SAFETY: `open` came from Box::into_raw and is freed once: the methods are gone after this.
    unsafe {
        (*raw).base.pMethods = ptr::null();
        drop(Box::from_raw((*raw).open));
    }
    ffi::SQLITE_OK
}

/// # Safety
/// As `sqlite3_io_methods.xRead`: `into` has room for `len` bytes.
unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    into: *mut c_void,
    len: c_int,
    at: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: SQLite calls this only on an open file of ours.
    let file = unsafe { opened(file) };
    let (Ok(len), Ok(at)) = (usize::try_from(len), usize::try_from(at)) else {
        return ffi::SQLITE_IOERR_READ;
    };
    // SAFETY: zeros are written before a slice is made of the buffer, which may be uninitialised;
    // it has room for `len` bytes and is the caller's alone during the call.
    let into = unsafe {
        ptr::write_bytes(into.cast::<u8>(), 0, len);
        slice::from_raw_parts_mut(into.cast::<u8>(), len)
    };
    match file.disk.storage().read(file.file, at, into) {
        Ok(read) if read == len => ffi::SQLITE_OK,
        Ok(_) => ffi::SQLITE_IOERR_SHORT_READ,
        Err(_) => ffi::SQLITE_IOERR_READ,
    }
}

/// # Safety
/// As `sqlite3_io_methods.xWrite`: `from` holds `len` bytes.
unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    from: *const c_void,
    len: c_int,
    at: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: SQLite calls this only on an open file of ours.
    let file = unsafe { opened(file) };
    let (Ok(len), Ok(at)) = (usize::try_from(len), usize::try_from(at)) else {
        return ffi::SQLITE_IOERR_WRITE;
    };
    // SAFETY: `from` holds `len` initialised bytes that nobody changes during the call.
    let bytes = unsafe { slice::from_raw_parts(from.cast::<u8>(), len) };
    let written = file.disk.storage_mut().write(file.file, at, bytes);
    code(written, ffi::SQLITE_IOERR_WRITE, ffi::SQLITE_FULL)
}

/// # Safety
/// As `sqlite3_io_methods.xTruncate`.
unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, len: ffi::sqlite3_int64) -> c_int {
    // SAFETY: SQLite calls this only on an open file of ours.
    let file = unsafe { opened(file) };
    let Ok(len) = usize::try_from(len) else {
        return ffi::SQLITE_IOERR_TRUNCATE;
    };
    let truncated = file.disk.storage_mut().truncate(file.file, len);
    code(
        truncated,
        ffi::SQLITE_IOERR_TRUNCATE,
        ffi::SQLITE_IOERR_TRUNCATE,
    )
}

/// # Safety
/// As `sqlite3_io_methods.xSync`.
unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _: c_int) -> c_int {
    // SAFETY: SQLite calls this only on an open file of ours.
    let file = unsafe { opened(file) };
    code(
        file.sync(),
        ffi::SQLITE_IOERR_FSYNC,
        ffi::SQLITE_IOERR_FSYNC,
    )
}

/// # Safety
/// As `sqlite3_io_methods.xFileSize`.
unsafe extern "C" fn file_size(
    file: *mut ffi::sqlite3_file,
    size: *mut ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: SQLite calls this only on an open file of ours.
    let file = unsafe { opened(file) };
    let storage = file.disk.storage();
    let Ok(len) = ffi::sqlite3_int64::try_from(storage.len(file.file)) else {
        return ffi::SQLITE_IOERR_FSTAT;
    };
    if storage.faults.is_off() {
        return ffi::SQLITE_IOERR_FSTAT;
    }
    // SAFETY: SQLite passes an integer to write the answer to.
    unsafe { *size = len };
    ffi::SQLITE_OK
}

fn level(level: c_int) -> Level {
    match level {
        ffi::SQLITE_LOCK_NONE => Level::None,
        ffi::SQLITE_LOCK_SHARED => Level::Shared,
        ffi::SQLITE_LOCK_RESERVED => Level::Reserved,
        ffi::SQLITE_LOCK_PENDING => Level::Pending,
        _ => Level::Exclusive,
    }
}

/// # Safety
/// As `sqlite3_io_methods.xLock`.
unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, wanted: c_int) -> c_int {
    // SAFETY: SQLite calls this only on an open file of ours.
    let file = unsafe { opened(file) };
    if file.is_off() {
        return ffi::SQLITE_IOERR_LOCK;
    }
    match file.lock(level(wanted)) {
        Ok(()) => ffi::SQLITE_OK,
        Err(Busy) => ffi::SQLITE_BUSY,
    }
}

/// # Safety
/// As `sqlite3_io_methods.xUnlock`.
unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, wanted: c_int) -> c_int {
    // SAFETY: SQLite calls this only on an open file of ours.
    let file = unsafe { opened(file) };
    file.unlock(level(wanted));
    ffi::SQLITE_OK
}

/// # Safety
/// As `sqlite3_io_methods.xCheckReservedLock`.
unsafe extern "C" fn check_reserved_lock(file: *mut ffi::sqlite3_file, out: *mut c_int) -> c_int {
    // SAFETY: SQLite calls this only on an open file of ours.
    let file = unsafe { opened(file) };
    let storage = file.disk.storage();
    let reserved = storage
        .locks(file.file)
        .is_some_and(|locks| locks.is_reserved());
    // SAFETY: SQLite passes an int to write the answer to.
    unsafe { *out = c_int::from(reserved) };
    ffi::SQLITE_OK
}

/// Every such request is a hint or a question that SQLite can do without.
unsafe extern "C" fn file_control(_: *mut ffi::sqlite3_file, _: c_int, _: *mut c_void) -> c_int {
    ffi::SQLITE_NOTFOUND
}

unsafe extern "C" fn sector_size(_: *mut ffi::sqlite3_file) -> c_int {
    c_int::try_from(SECTOR).unwrap_or(0)
}

/// # Safety
/// As `sqlite3_io_methods.xDeviceCharacteristics`.
unsafe extern "C" fn device_characteristics(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: SQLite calls this only on an open file of ours.
    let file = unsafe { opened(file) };
    if file.disk.storage().device.powersafe_overwrite {
        ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE
    } else {
        0
    }
}

/// # Safety
/// As `sqlite3_io_methods.xShmMap`.
unsafe extern "C" fn shm_map(
    file: *mut ffi::sqlite3_file,
    index: c_int,
    size: c_int,
    extend: c_int,
    out: *mut *mut c_void,
) -> c_int {
    // SAFETY: SQLite calls this only on an open file of ours.
    let file = unsafe { opened(file) };
    let (Ok(index), Ok(size)) = (usize::try_from(index), usize::try_from(size)) else {
        return ffi::SQLITE_IOERR_SHMMAP;
    };
    let storage = file.disk.storage();
    let Some(mut memory) = storage
        .memory(file.file)
        .filter(|_| !storage.faults.is_off())
    else {
        return ffi::SQLITE_IOERR_SHMMAP;
    };
    let region = memory.map(file.id, index, size, extend != 0);
    let start = region.map_or(ptr::null_mut(), |words| words.as_ptr().cast_mut().cast());
    // SAFETY: SQLite passes a pointer to write the answer to. It uses the region, of at least `size`
    // bytes that only atomics of ours lie on, until it unmaps it, and so long it is not freed.
    unsafe { *out = start };
    ffi::SQLITE_OK
}

/// # Safety
/// As `sqlite3_io_methods.xShmLock`.
unsafe extern "C" fn shm_lock(
    file: *mut ffi::sqlite3_file,
    first: c_int,
    count: c_int,
    flags: c_int,
) -> c_int {
    // SAFETY: SQLite calls this only on an open file of ours.
    let file = unsafe { opened(file) };
    let (Ok(first), Ok(count)) = (usize::try_from(first), usize::try_from(count)) else {
        return ffi::SQLITE_IOERR_SHMLOCK;
    };
    let storage = file.disk.storage();
    let Some(mut memory) = storage.memory(file.file) else {
        return ffi::SQLITE_IOERR_SHMLOCK;
    };
    if flags & ffi::SQLITE_SHM_UNLOCK != 0 {
        memory.locks.unlock(file.id, first, count);
        return ffi::SQLITE_OK;
    }
    if storage.faults.is_off() {
        return ffi::SQLITE_IOERR_SHMLOCK;
    }
    let exclusive = flags & ffi::SQLITE_SHM_EXCLUSIVE != 0;
    match memory.locks.lock(file.id, first, count, exclusive) {
        Ok(()) => ffi::SQLITE_OK,
        Err(Busy) => ffi::SQLITE_BUSY,
    }
}

/// Each thread orders its own accesses; the fences of two threads order them against one another.
unsafe extern "C" fn shm_barrier(_: *mut ffi::sqlite3_file) {
    fence(Ordering::SeqCst);
}

/// # Safety
/// As `sqlite3_io_methods.xShmUnmap`.
unsafe extern "C" fn shm_unmap(file: *mut ffi::sqlite3_file, _delete: c_int) -> c_int {
    // SAFETY: SQLite calls this only on an open file of ours.
    let file = unsafe { opened(file) };
    file.unmap();
    ffi::SQLITE_OK
}

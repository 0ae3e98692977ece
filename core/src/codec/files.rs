//! Replacing a file as a whole: after a crash there is the old file or the new one, never a part.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// `path` with something added to its last component.
#[must_use]
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path.as_os_str());
    name.push(suffix);
    name.into()
}

/// Writes `bytes` to a file beside `path` (suffix `.new`) and has them on the disk. The file is
/// open for reading and writing; [`put_in_place`] gives it its name.
pub fn write_beside(path: &Path, bytes: &[u8]) -> io::Result<File> {
    let new = beside(path, ".new");
    let mut options = OpenOptions::new();
    let mut file = options.read(true).write(true).create(true).truncate(true).open(&new)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    written.map(|()| file).inspect_err(|_| drop(std::fs::remove_file(&new)))
}

/// Renames what [`write_beside`] wrote to `path`. The new name is on the disk only after
/// [`sync_folder`].
pub fn put_in_place(path: &Path) -> io::Result<()> {
    std::fs::rename(beside(path, ".new"), path)
}

/// Has the names in the folder of `path` on the disk.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    File::open(folder)?.sync_all()
}

/// Replaces the file at `path` with `bytes`, whole and on the disk when it returns.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_beside(path, bytes)?;
    put_in_place(path)?;
    sync_folder(path)
}

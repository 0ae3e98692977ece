//! The work directory: which files lie in it, and how its socket is reached.
//!
//! ```text
//! WORKDIR/
//!   supervisor.sock       where an owner connects
//!   supervisor.lock       locked by the living supervisor
//!   supervisor.log        what the supervisor has to say
//!   tasks.jsonl           the record file: survives the supervisor
//!   sandboxes/TASK-N/     one per launch: stdout, stderr, and the task's own files
//! ```

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Longest part of a sandbox name that comes from the task's key, in bytes: with the number it
/// stays below the 255 bytes of a file name.
const SANDBOX_KEY_LEN_MAX: usize = 100;

/// A work directory that exists.
#[derive(Debug)]
pub(crate) struct Place {
    path: PathBuf,
    /// Keeps a short way to the directory: `/proc/self/fd/N`.
    dir: File,
}

impl Place {
    /// Makes the directory where it is missing (open to its user only) and opens it.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        Self::open(path)
    }

    /// Opens a directory that exists.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let path = fs::canonicalize(path)?;
        let dir = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_DIRECTORY | libc::O_CLOEXEC)
            .open(&path)?;
        Ok(Self { path, dir })
    }

    /// The absolute path of the directory, free of links.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A way to the socket that fits into a socket address (108 bytes) however long the path of
    /// the directory is. Valid in this process only.
    pub(crate) fn socket(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}/supervisor.sock", self.dir.as_raw_fd()))
    }

    /// The file whose lock the living supervisor holds.
    pub(crate) fn open_lock(&self) -> io::Result<File> {
        OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .mode(0o600)
            .open(self.path.join("supervisor.lock"))
    }

    /// Path of the supervisor's log.
    pub(crate) fn log(&self) -> PathBuf {
        self.path.join("supervisor.log")
    }

    /// Path of the record file.
    pub(crate) fn records(&self) -> PathBuf {
        self.path.join("tasks.jsonl")
    }

    /// The directory that holds the sandboxes.
    pub(crate) fn sandboxes(&self) -> PathBuf {
        self.path.join("sandboxes")
    }

    /// Path of a sandbox by its name.
    pub(crate) fn sandbox(&self, name: &str) -> PathBuf {
        self.sandboxes().join(name)
    }
}

/// The name of the sandbox of the `launch`-th task: readable, one path component, and unique by
/// its number whatever the key holds.
pub(crate) fn sandbox_name(task: &str, launch: u64) -> String {
    let mut name: String = task
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '_' })
        .take(SANDBOX_KEY_LEN_MAX)
        .collect();
    if name.starts_with('.') {
        name.replace_range(0..1, "_");
    }
    format!("{name}-{launch}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sandbox_name_is_one_harmless_path_component() {
        assert_eq!(sandbox_name("build.1", 7), "build.1-7");
        assert_eq!(sandbox_name("../../etc/passwd", 1), "_._.._etc_passwd-1");
        assert_eq!(sandbox_name("a b\nc", 2), "a_b_c-2");
        assert_eq!(sandbox_name("ä", 3), "_-3");
        assert_eq!(sandbox_name(&"x".repeat(255), 4).len(), SANDBOX_KEY_LEN_MAX + 2);
    }

    #[test]
    fn the_socket_address_stays_short() {
        let root = tempfile::tempdir().expect("a temporary directory");
        let deep = root.path().join("d".repeat(200)).join("e".repeat(200));
        let place = Place::create(&deep).expect("the directory is made");
        assert!(place.socket().as_os_str().len() < 100);
        let _listener = std::os::unix::net::UnixListener::bind(place.socket()).expect("binds");
        std::os::unix::net::UnixStream::connect(place.socket()).expect("connects");
    }
}

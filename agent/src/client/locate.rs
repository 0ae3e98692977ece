//! Where the executable `tamias-supervisor` is.

use std::env;
use std::ffi::{CStr, OsStr, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::error::Error;

/// File name of the executable.
const NAME: &str = "tamias-supervisor";

/// The variable that names it.
const VARIABLE: &str = "TAMIAS_SUPERVISOR";

/// Finds it: by option, by variable, beside the running program, beside the shared library that
/// holds this code. A place that was named explicitly is the only one looked at.
pub(super) fn locate(option: Option<&Path>) -> Result<PathBuf, Error> {
    let mut looked_at = Vec::new();
    let named = match option {
        Some(path) => Some(("the option `executable`", path.to_owned())),
        None => env::var_os(VARIABLE)
            .filter(|value| !value.is_empty())
            .map(|value| ("the variable TAMIAS_SUPERVISOR", PathBuf::from(value))),
    };
    if let Some((source, path)) = named {
        return check(&path).map_err(|why| {
            looked_at.push(format!("{} (by {source}: {why})", path.display()));
            Error::ExecutableNotFound { looked_at }
        });
    }
    for path in beside() {
        match check(&path) {
            Ok(found) => return Ok(found),
            Err(why) => looked_at.push(format!("{} ({why})", path.display())),
        }
    }
    Err(Error::ExecutableNotFound { looked_at })
}

/// The places that installations put it to.
fn beside() -> Vec<PathBuf> {
    let mut places = Vec::new();
    if let Ok(program) = env::current_exe() {
        if let Some(dir) = program.parent() {
            places.push(dir.join(NAME));
            // Test and example programs of Cargo lie one directory deeper.
            places.extend(dir.parent().map(|above| above.join(NAME)));
        }
    }
    if let Some(library) = this_library() {
        if let Some(dir) = library.parent() {
            places.push(dir.join(NAME));
            // As `make install` puts it: lib/libtamias.so and libexec/tamias/.
            places.extend(dir.parent().map(|above| above.join("libexec/tamias").join(NAME)));
        }
    }
    let mut seen = std::collections::HashSet::new();
    places.retain(|place| seen.insert(place.clone()));
    places
}

/// The file that this code was loaded from.
fn this_library() -> Option<PathBuf> {
    // SAFETY: `Dl_info` is plain data for which all-zero is a value.
    let mut info: libc::Dl_info = unsafe { std::mem::zeroed() };
    let here = this_library as fn() -> Option<PathBuf> as *const c_void;
    // SAFETY: the address is that of a function; the record is written by the call.
    let found = unsafe { libc::dladdr(here, &raw mut info) };
    if found == 0 || info.dli_fname.is_null() {
        return None;
    }
    // SAFETY: `dladdr` gives a NUL-terminated name that lives as long as the library is loaded,
    // which it is while its code runs.
    let name = unsafe { CStr::from_ptr(info.dli_fname) };
    std::fs::canonicalize(OsStr::from_bytes(name.to_bytes())).ok()
}

fn check(path: &Path) -> Result<PathBuf, String> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = std::fs::metadata(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => "missing".to_owned(),
        _ => error.to_string(),
    })?;
    if !metadata.is_file() {
        return Err("no file".to_owned());
    }
    if metadata.permissions().mode() & 0o111 == 0 {
        return Err("not executable".to_owned());
    }
    std::path::absolute(path).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_place_is_the_only_one_and_the_error_says_what_is_there() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let text = |path: &Path| locate(Some(path)).expect_err("not there").to_string();
        let missing = text(&dir.path().join("gone"));
        assert!(missing.contains("gone (by the option `executable`: missing)"), "{missing}");
        assert!(text(dir.path()).contains("no file"));
        let plain = dir.path().join("plain");
        std::fs::write(&plain, "").expect("writes");
        assert!(text(&plain).contains("not executable"));
    }

    #[test]
    fn this_code_knows_the_file_it_lies_in() {
        let library = this_library().expect("a file");
        assert!(library.is_file(), "{}", library.display());
    }
}

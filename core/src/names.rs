//! Which names are legal, for roles, tasks, agents, frameworks and principals.

use crate::error::{Code, Rejection, shorten};
use crate::limits::NAME_BYTES_MAX;

/// Checks the name of a task, agent, framework or principal: 1 to 255 bytes, not `.` or `..`, no
/// control character, no `/` and no `\` (it may become a file name).
pub fn check_name(what: &str, name: &str) -> Result<(), Rejection> {
    let reject = |why: String| {
        Err(Rejection::new(Code::BadName, format!("{what} name {:?} {why}", shorten(name))))
    };
    if name.is_empty() {
        return Err(Rejection::new(
            Code::BadName,
            format!("{what} name is empty: give 1 to {NAME_BYTES_MAX} bytes"),
        ));
    }
    if name.len() > NAME_BYTES_MAX {
        return reject(format!("has {} bytes: at most {NAME_BYTES_MAX}", name.len()));
    }
    if name == "." || name == ".." {
        return reject("cannot be a file name: use another one".into());
    }
    match name.chars().find(|c| c.is_control() || matches!(c, '/' | '\\')) {
        Some(bad) => reject(format!("holds {bad:?}: no control characters, slashes, backslashes")),
        None => Ok(()),
    }
}

/// Checks a role name: `*`, or a component that is not empty, `.`, `..` or `*`, does not start with
/// `-` and holds neither blanks nor control characters. Hierarchical names (`a/b`) are refused with
/// [`Code::NotSupported`]: this version shares between flat roles only.
pub fn check_role(role: &str) -> Result<(), Rejection> {
    let reject =
        |code, why: &str| Err(Rejection::new(code, format!("role name {:?} {why}", shorten(role))));
    if role == "*" {
        return Ok(());
    }
    if role.is_empty() {
        return reject(Code::BadName, "is empty: use `*` or a name such as `batch`");
    }
    if role.len() > NAME_BYTES_MAX {
        return reject(Code::BadName, "is too long: at most 255 bytes");
    }
    if role.contains(|c: char| c.is_ascii_whitespace() || c.is_control()) {
        return reject(Code::BadName, "holds a blank or control character");
    }
    for component in role.split('/') {
        match component {
            "" => return reject(Code::BadName, "has an empty component: use `a/b`"),
            "." | ".." | "*" => {
                return reject(Code::BadName, "has a component `.`, `..` or `*`");
            }
            _ if component.starts_with('-') => {
                return reject(Code::BadName, "has a component that starts with `-`");
            }
            _ => {}
        }
    }
    if role.contains('/') {
        return reject(Code::NotSupported, "is hierarchical: this version has flat roles only");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario VA22, without the hierarchical names.
    #[test]
    fn role_names() {
        for good in ["foo", "123", "foo_123", "*", "foo-bar", "foo.bar", "foo..bar", "..."] {
            assert_eq!(check_role(good), Ok(()), "{good}");
        }
        let bad = [
            "", ".", "..", "-foo", "/", "/foo", "foo/", "foo//bar", "foo bar", "foo\tbar", "foo/.",
            "foo/..", "foo/*", "*/foo", "foo/-bar",
        ];
        for bad in bad {
            assert_eq!(check_role(bad).unwrap_err().code(), Code::BadName, "{bad:?}");
        }
        assert_eq!(check_role("a/b").unwrap_err().code(), Code::NotSupported);
    }

    #[test]
    fn names_that_could_not_be_files() {
        for good in ["t", "a b", "...", "é", &"x".repeat(255)] {
            assert_eq!(check_name("task", good), Ok(()), "{good}");
        }
        for bad in ["", ".", "..", "a/b", "a\\b", "a\nb", "\u{7f}", &"x".repeat(256)] {
            assert_eq!(check_name("task", bad).unwrap_err().code(), Code::BadName, "{bad:?}");
        }
        assert_eq!(
            check_name("task", "a/b").unwrap_err().to_string(),
            "task name \"a/b\" holds '/': no control characters, slashes, backslashes"
        );
    }
}

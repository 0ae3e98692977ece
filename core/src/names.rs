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

/// Checks the name of a role: `*`, or components between slashes (`eng`, `eng/web`) of which none
/// is empty, `.`, `..` or `*`, starts with `-` or holds a blank or control character.
pub fn check_role_name(role: &str) -> Result<(), Rejection> {
    let reject = |why: &str| {
        Err(Rejection::new(Code::BadName, format!("role name {:?} {why}", shorten(role))))
    };
    if role == "*" {
        return Ok(());
    }
    if role.is_empty() {
        return reject("is empty: use `*` or a name such as `batch`");
    }
    if role.len() > NAME_BYTES_MAX {
        return reject("is too long: at most 255 bytes");
    }
    if role.contains(|c: char| c.is_ascii_whitespace() || c.is_control()) {
        return reject("holds a blank or control character");
    }
    for component in role.split('/') {
        match component {
            "" => return reject("has an empty component: use `a/b`"),
            "." | ".." | "*" => return reject("has a component `.`, `..` or `*`"),
            _ if component.starts_with('-') => {
                return reject("has a component that starts with `-`");
            }
            _ => {}
        }
    }
    Ok(())
}

/// True when `role` lies below `ancestor`: `eng/web` below `eng`, but not `engine` and not `eng`.
#[must_use]
pub fn is_strict_subrole(role: &str, ancestor: &str) -> bool {
    role.strip_prefix(ancestor).is_some_and(|rest| rest.len() > 1 && rest.starts_with('/'))
}

/// The roles above `role`, the nearest first: `a/b` and `a` for `a/b/c`.
pub fn ancestors(role: &str) -> impl Iterator<Item = &str> + Clone {
    std::iter::successors(parent(role), |role| parent(role))
}

/// The role right above `role`: `a/b` for `a/b/c`, none for `a`.
#[must_use]
pub fn parent(role: &str) -> Option<&str> {
    role.rsplit_once('/').map(|(parent, _)| parent)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names of Mesos' `RoleTest.Validate`.
    #[test]
    fn role_names() {
        for good in ["foo", "123", "foo_123", "*", "foo-bar", "foo.bar", "foo..bar", "..."] {
            assert_eq!(check_role_name(good), Ok(()), "{good}");
        }
        for good in ["a/b", "a/b/c/d/e/f/g/h", "foo/.bar", "foo/..."] {
            assert_eq!(check_role_name(good), Ok(()), "{good}");
        }
        let bad = [
            "", ".", "..", "-foo", "/", "/foo", "foo/", "foo//bar", "foo bar", "foo\tbar", "foo/.",
            "foo/..", "foo/*", "*/foo", "foo/-bar",
        ];
        for bad in bad {
            assert_eq!(check_role_name(bad).unwrap_err().code(), Code::BadName, "{bad:?}");
            assert_eq!(check_role_name(bad).unwrap_err().code(), Code::BadName, "{bad:?}");
        }
    }

    /// The pairs of Mesos' `RoleTest.isStrictSubroleOf`.
    #[test]
    fn roles_below_roles() {
        assert!(is_strict_subrole("foo/bar", "foo"));
        assert!(is_strict_subrole("foo/bar/baz", "foo"));
        for (role, ancestor) in [("foo", "foo"), ("foobar", "foo"), ("foo", "foo/bar"), ("a", "")] {
            assert!(!is_strict_subrole(role, ancestor), "{role} {ancestor}");
        }
        assert_eq!(ancestors("a/b/c/d").collect::<Vec<_>>(), ["a/b/c", "a/b", "a"]);
        assert_eq!(ancestors("a").next(), None);
        assert_eq!(ancestors("*").next(), None);
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

//! Which names are legal.

use tamias::error::Code;

/// Whether a task, agent, framework or principal may have that name.
pub fn is_legal(name: &str) -> bool {
    let forbidden = |c: char| c.is_control() || c == '/' || c == '\\';
    !name.is_empty()
        && name.len() <= 255
        && name != "."
        && name != ".."
        && !name.contains(forbidden)
}

/// What is wrong with the name of a role, if anything.
pub fn fault_of_role(role: &str) -> Option<Code> {
    let bad_component = |component: &str| {
        component.is_empty()
            || [".", "..", "*"].contains(&component)
            || component.starts_with('-')
            || component.contains(|c: char| c.is_whitespace() || c.is_control())
    };
    if role == "*" {
        return None;
    }
    if role.len() > 255 || role.split('/').any(bad_component) {
        return Some(Code::BadName);
    }
    None
}

/// Whether one role lies below another.
pub fn is_below(role: &str, above: &str) -> bool {
    role.starts_with(&format!("{above}/"))
}

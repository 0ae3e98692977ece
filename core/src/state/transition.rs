//! What follows a state: tables of tasks, operations and executors give one of these.

/// What a reported state does to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transition {
    /// It takes the state.
    Next,
    /// It takes the state although that goes backwards; Mesos accepts it, so it is flagged.
    Regression,
    /// Its state stays. Of a task that has ended, the report is forwarded.
    Kept,
    /// The state cannot follow.
    Illegal,
}

/// Prints a table as Markdown and compares it with the one in `docs/concepts.md`.
#[cfg(test)]
pub(super) fn check_documented<S: Copy>(
    states: &[(String, S)],
    transition: impl Fn(S, S) -> Transition,
) {
    let mut table = String::from("| from \\ to |");
    for (name, _) in states {
        table += &format!(" {name} |");
    }
    table += &format!("\n|---|{}\n", "---|".repeat(states.len()));
    for (name, from) in states {
        table += &format!("| **{name}** |");
        for (_, to) in states {
            table += match transition(*from, *to) {
                Transition::Next => " yes |",
                Transition::Regression => " back |",
                Transition::Kept => " kept |",
                Transition::Illegal => " - |",
            };
        }
        table.push('\n');
    }
    let docs = include_str!("../../../docs/concepts.md");
    assert!(docs.contains(&table), "put this table into docs/concepts.md:\n{table}");
}

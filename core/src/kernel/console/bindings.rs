//! Labels of sessions, and values that a script gave a name.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::bad_script;
use crate::error::{Rejection, shorten};
use crate::ids::SessionId;

/// Keys whose text is never a `$name`: names themselves, and words for people.
const VERBATIM: [&str; 6] = ["do", "as", "to", "note", "differs", "bind"];

/// Names and the paths to what they stand for.
pub(super) type Paths = Vec<(String, String)>;

/// What the lines so far gave names to.
#[derive(Debug, Default)]
pub(super) struct Bindings {
    labels: BTreeMap<Box<str>, SessionId>,
    values: BTreeMap<Box<str>, Value>,
}

impl Bindings {
    pub fn label(&mut self, label: &str, session: SessionId) {
        self.labels.insert(label.into(), session);
    }

    pub fn find_session(&self, label: &str) -> Option<SessionId> {
        self.labels.get(label).copied()
    }

    pub fn session(&self, label: &str) -> Result<SessionId, Rejection> {
        self.find_session(label).ok_or_else(|| {
            let known = listed(self.labels.keys());
            let label = shorten(label);
            bad_script(format!("no session has the label {label:?}: labels are {known}"))
        })
    }

    /// The label of a session, or the session itself.
    pub fn name_of(&self, session: &str) -> String {
        let found = self.labels.iter().find(|(_, id)| id.to_string() == session);
        found.map_or_else(|| session.to_owned(), |(label, _)| label.to_string())
    }

    /// Binds names to parts of a reply or an event.
    pub fn bind(&mut self, paths: &Paths, source: &Value) -> Result<(), Rejection> {
        for (name, path) in paths {
            let value = follow(source, path).ok_or_else(|| {
                let came = super::expect::clip(&source.to_string());
                bad_script(format!("there is no `{path}` in {came}")).at(format!("bind.{name}"))
            })?;
            self.values.insert(name.as_str().into(), value.clone());
        }
        Ok(())
    }

    /// Replaces `"$name"` anywhere in the values by what the name is bound to; `"$$..."` stands
    /// for a text that begins with `$`.
    pub fn fill_in(&self, mut fields: Map<String, Value>) -> Result<Map<String, Value>, Rejection> {
        self.fill_map(&mut fields)?;
        Ok(fields)
    }

    fn fill_map(&self, fields: &mut Map<String, Value>) -> Result<(), Rejection> {
        for (key, value) in fields.iter_mut().filter(|(key, _)| !VERBATIM.contains(&key.as_str())) {
            self.fill(value).map_err(|r| r.within(key))?;
        }
        Ok(())
    }

    fn fill(&self, value: &mut Value) -> Result<(), Rejection> {
        match value {
            Value::Object(fields) => self.fill_map(fields),
            Value::Array(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.fill(item).map_err(|r| r.within(&format!("[{index}]")))?;
                }
                Ok(())
            }
            Value::String(text) => {
                if let Some(filled) = self.look_up(text)? {
                    *value = filled;
                }
                Ok(())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
        }
    }

    fn look_up(&self, text: &str) -> Result<Option<Value>, Rejection> {
        let Some(name) = text.strip_prefix('$') else { return Ok(None) };
        if name.starts_with('$') {
            return Ok(Some(Value::String(name.to_owned())));
        }
        match self.values.get(name) {
            Some(value) => Ok(Some(value.clone())),
            None => {
                let (name, known) = (shorten(name), listed(self.values.keys()));
                let text = format!(
                    "nothing is bound to `${name}`: names are {known}; a text that begins with a \
                     dollar is written with two"
                );
                Err(bad_script(text))
            }
        }
    }
}

fn listed<'a>(names: impl Iterator<Item = &'a Box<str>>) -> String {
    let names: Vec<_> = names.map(|name| &**name).collect();
    if names.is_empty() { "none yet".into() } else { names.join(", ") }
}

/// Follows a path such as `tasks[0].task`.
fn follow<'v>(source: &'v Value, path: &str) -> Option<&'v Value> {
    path.split('.').try_fold(source, |value, step| {
        let (key, rest) = step.split_at(step.find('[').unwrap_or(step.len()));
        let value = value.get(key)?;
        rest.split_inclusive(']').try_fold(value, |value, index| {
            value.get(index.strip_prefix('[')?.strip_suffix(']')?.parse::<usize>().ok()?)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_go_through_objects_and_lists() {
        let source = serde_json::json!({"tasks": [{"task": "t0.1"}, {"at": [[1], [2, 3]]}]});
        assert_eq!(follow(&source, "tasks[0].task"), Some(&Value::from("t0.1")));
        assert_eq!(follow(&source, "tasks[1].at[1][0]"), Some(&Value::from(2)));
        for path in ["", "task", "tasks[2]", "tasks[0", "tasks[x]", "tasks[0]]", "tasks.task"] {
            assert_eq!(follow(&source, path), None, "{path}");
        }
    }
}

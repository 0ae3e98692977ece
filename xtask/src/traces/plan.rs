//! Which tasks to launch. A trace keeps resources of an offer and finishes any part of what runs
//! later; a task ends as a whole. As the whole script is known, what an accept keeps is cut into
//! tasks beforehand so that each `finish` ends some of them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::bag::Bag;
use super::file::Script;

/// One task: which of those that an accept launches. The accept is the index of its command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Piece {
    /// The index of the accept.
    pub accept: usize,
    /// The index among its tasks.
    pub task: usize,
}

/// The tasks of a script.
#[derive(Debug, Default)]
pub struct Plan {
    /// What the tasks of each accept hold.
    pub tasks: BTreeMap<usize, Vec<Bag>>,
    /// Framework and role of each task of an `add_agent` with resources in use.
    pub used: BTreeMap<usize, Vec<(String, String)>>,
    /// Which of them are parts of others, and so not charged by themselves.
    parts: BTreeSet<Piece>,
    /// Which tasks each `finish` ends.
    pub ends: BTreeMap<usize, Vec<Piece>>,
}

/// Framework, role, agent.
type Where = (String, String, String);

impl Plan {
    /// Plans the tasks of a script.
    ///
    /// Errors: a `finish` of what does not run.
    pub fn new(script: &Script) -> Result<Self, String> {
        let mut plan = Self::default();
        let mut running: BTreeMap<Where, Vec<Piece>> = BTreeMap::new();
        for (index, record) in script.records.iter().enumerate() {
            let text = |field: &str| record.cmd.get(field).and_then(Value::as_str).unwrap_or("");
            let place = || (text("framework").into(), text("role").into(), text("agent").into());
            match text("op") {
                "accept" => {
                    let tasks = Bag::parse(text("keep"))?.tasks();
                    let pieces = (0..tasks.len()).map(|task| Piece { accept: index, task });
                    running.entry(place()).or_default().extend(pieces);
                    plan.tasks.insert(index, tasks);
                }
                "add_agent" => {
                    for entry in record.cmd["used"].as_array().into_iter().flatten() {
                        let text = |field: &str| entry.get(field).and_then(Value::as_str);
                        let of = |field| text(field).unwrap_or("").to_owned();
                        let (framework, role) = (of("framework"), of("role"));
                        let held = Bag::parse(text("resources").unwrap_or(""))?;
                        let tasks = plan.tasks.entry(index).or_default();
                        let piece = Piece { accept: index, task: tasks.len() };
                        tasks.push(held);
                        let used = plan.used.entry(index).or_default();
                        used.push((framework.clone(), role.clone()));
                        let agent = place().2;
                        running.entry((framework, role, agent)).or_default().push(piece);
                    }
                }
                "finish" => {
                    let part = Bag::parse(text("resources"))?;
                    let pieces = running.entry(place()).or_default();
                    let ends = plan.end(pieces, part).map_err(|e| format!("{index}: {e}"))?;
                    plan.ends.insert(index, ends);
                }
                "remove_agent" => running.retain(|(_, _, agent), _| agent != text("agent")),
                "remove_framework" => running.retain(|(f, _, _), _| f != text("framework")),
                _ => {}
            }
        }
        Ok(plan)
    }

    /// Whether a task is one of its own, and not a part of another.
    pub fn charges(&self, accept: usize, task: usize) -> bool {
        !self.parts.contains(&Piece { accept, task })
    }

    /// Takes a part of what runs, the oldest first; pieces are cut where they are more.
    fn end(&mut self, pieces: &mut Vec<Piece>, mut part: Bag) -> Result<Vec<Piece>, String> {
        let mut ended = Vec::new();
        let mut kept = Vec::new();
        for piece in pieces.drain(..) {
            let of_accept = self.tasks.entry(piece.accept).or_default();
            let taken = of_accept[piece.task].common(&part);
            if taken.is_empty() {
                kept.push(piece);
                continue;
            }
            part.subtract(&taken);
            if taken == of_accept[piece.task] {
                ended.push(piece);
                continue;
            }
            of_accept[piece.task].subtract(&taken);
            kept.push(piece);
            let part = Piece { accept: piece.accept, task: of_accept.len() };
            ended.push(part);
            of_accept.push(taken);
            self.parts.insert(part);
            if let Some(used) = self.used.get_mut(&piece.accept) {
                used.push(used[piece.task].clone());
            }
        }
        *pieces = kept;
        if part.is_empty() { Ok(ended) } else { Err(format!("{part} does not run there")) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::traces::file::{Header, Record};

    fn script(commands: Vec<Value>) -> Script {
        let header = Header { script: "x".into(), exact_shares_agree: true };
        let record = |cmd| Record { cmd, res: json!({}) };
        Script { header, records: commands.into_iter().map(record).collect() }
    }

    #[test]
    fn what_is_kept_is_cut_where_it_is_finished() {
        let accept = |keep: &str| json!({"op": "accept", "framework": "f", "keep": keep});
        let finish = |part: &str| json!({"op": "finish", "framework": "f", "resources": part});
        let commands = vec![
            accept("cpus:3;mem:9"),
            accept("cpus:2"),
            finish("cpus:4"),
            finish("cpus:1;mem:9"),
        ];
        let plan = Plan::new(&script(commands)).unwrap();
        let texts = |accept: usize| -> Vec<String> {
            plan.tasks[&accept].iter().map(ToString::to_string).collect()
        };
        assert_eq!(texts(0), ["mem:9", "cpus:3"]);
        assert_eq!(texts(1), ["cpus:1", "cpus:1"]);
        let piece = |accept, task| Piece { accept, task };
        assert_eq!(plan.ends[&2], [piece(0, 1), piece(1, 1)]);
        assert_eq!(plan.ends[&3], [piece(0, 0), piece(1, 0)]);
    }

    #[test]
    fn more_than_runs_cannot_finish() {
        let commands = vec![
            json!({"op": "accept", "framework": "f", "agent": "a", "keep": "cpus:1"}),
            json!({"op": "remove_agent", "agent": "a"}),
            json!({"op": "finish", "framework": "f", "agent": "a", "resources": "cpus:1"}),
        ];
        assert!(Plan::new(&script(commands)).unwrap_err().contains("does not run there"));
    }
}

//! One command of a trace as commands of the kernel, and its result as the traces write it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use tamias::command::Operation;
use tamias::ids::{AgentId, OfferId, TaskId};
use tamias::reply::Reply;
use tamias::resources::Conversion;
use tamias::testing::allocator::{adopt_task, convert_offer};
use tamias::time::Nanos;
use tamias::value::Capability;

use super::bag::{Bag, text_of};
use super::file::{Record, Script};
use super::plan::{Piece, Plan};
use super::snapshot;
use super::world::World;

/// A result, or what kept the kernel from giving one.
type Outcome = Result<Value, String>;

/// A script at work.
#[derive(Debug)]
pub struct Replay {
    world: World,
    plan: Plan,
    /// Outstanding offers by their ids in the trace.
    offers: BTreeMap<String, OfferId>,
    offers_made: usize,
    tasks: BTreeMap<Piece, TaskId>,
}

impl Replay {
    /// A kernel that is configured as the script's first command says.
    ///
    /// Errors: a configuration that the kernel does not have.
    pub fn new(script: &Script, headroom_from_sums: bool) -> Result<Self, String> {
        let none = json!({});
        let config = script.records.first().map_or(&none, |record| &record.cmd);
        let mut options = options(config);
        options["headroom_from_sums"] = json!(headroom_from_sums);
        let world = World::new(options)?;
        Ok(Self {
            world,
            plan: Plan::new(script)?,
            offers: BTreeMap::new(),
            offers_made: 0,
            tasks: BTreeMap::new(),
        })
    }

    /// Performs one command.
    pub fn perform(&mut self, index: usize, record: &Record) -> Outcome {
        let cmd = &record.cmd;
        let result = match text(cmd, "op") {
            "config" => Ok(done()),
            "state" => return snapshot::of(&self.world.state),
            "advance" => self.advance(cmd),
            "allocate" => self.allocate(&[text(cmd, "agent").to_owned()]),
            "allocate_all" => self.allocate_each(),
            "batch" => self.allocate(&self.agents()),
            "accept" => self.accept(index, cmd),
            "decline" => self.decline(cmd),
            "finish" => self.finish(index),
            "add_framework" | "update_framework" => self.subscribe(cmd),
            "remove_framework" => self.remove_framework(cmd),
            "activate_framework" => self.world.reconnect(text(cmd, "framework")).map(|()| done()),
            "deactivate_framework" => {
                self.world.disconnect(text(cmd, "framework")).map(|()| done())
            }
            op @ ("suppress" | "revive") => self.flow(op, cmd),
            op @ ("reserve" | "unreserve" | "create" | "destroy") => return self.convert(op, cmd),
            _ => self.perform_on_agents_and_roles(index, cmd),
        }?;
        Ok(self.with_rescinded(&record.res, result))
    }

    fn perform_on_agents_and_roles(&mut self, index: usize, cmd: &Value) -> Outcome {
        let done = |_: Reply| done();
        let agent = || self.world.agent(text(cmd, "agent"));
        match text(cmd, "op") {
            "add_agent" => self.add_agent(index, cmd),
            "remove_agent" => {
                let fields = json!({"agent": agent()?});
                self.world.agents.remove(text(cmd, "agent"));
                self.world.operate("remove_agent", fields).map(done)
            }
            "deactivate_agent" => {
                let fields = json!({"agent": agent()?});
                self.world.operate("deactivate_agent", fields).map(done)
            }
            "activate_agent" => {
                let fields = json!({"agent": agent()?});
                self.world.operate("reactivate_agent", fields).map(done)
            }
            "update_agent_total" => {
                let total = Bag::parse(text(cmd, "total"))?.to_kernel()?;
                let fields = json!({"agent": agent()?, "resources": total});
                self.world.drive("update_agent", fields).map(done)
            }
            "update_agent_attributes" => {
                let fields = json!({"agent": agent()?, "attributes": text(cmd, "attributes")});
                self.world.drive("update_agent", fields).map(done)
            }
            "set_weight" => {
                let weight = json!({"role": text(cmd, "role"), "weight": cmd["weight"]});
                self.world.operate("update_weights", json!({"weights": [weight]})).map(done)
            }
            "set_quota" => {
                let quota = json!({"role": text(cmd, "role"), "limits": text(cmd, "limits"),
                    "guarantees": text(cmd, "guarantees")});
                let fields = json!({"quotas": [quota], "force": true});
                self.world.operate("update_quota", fields).map(done)
            }
            op => Err(format!("unsupported: {op}")),
        }
    }

    fn advance(&mut self, cmd: &Value) -> Outcome {
        let step = serde_json::from_value::<Nanos>(cmd["seconds"].clone());
        self.world.advance(step.map_err(|error| format!("seconds: {error}"))?)?;
        let now = self.world.state.now().since(self.world.state.started());
        serde_json::to_value(now).map(|now| json!({"now": now})).map_err(|error| error.to_string())
    }

    /// All agents of the trace in the order of their names.
    fn agents(&self) -> Vec<String> {
        self.world.agents.keys().cloned().collect()
    }

    fn allocate(&mut self, agents: &[String]) -> Outcome {
        self.run(agents)?;
        self.new_offers()
    }

    fn allocate_each(&mut self) -> Outcome {
        for agent in self.agents() {
            self.run(&[agent])?;
        }
        self.new_offers()
    }

    /// One run. No agents at all would mean all to the kernel; there are none then.
    fn run(&mut self, agents: &[String]) -> Result<(), String> {
        let ids: Result<Vec<_>, _> = agents.iter().map(|name| self.world.agent(name)).collect();
        self.world.operate("allocate", json!({"agents": ids?})).map(drop)
    }

    /// The offers that are new, numbered as the traces do.
    fn new_offers(&mut self) -> Outcome {
        let state = &self.world.state;
        let known: BTreeSet<OfferId> = self.offers.values().copied().collect();
        let mut offers = Vec::new();
        for (id, grant) in state.grants().iter() {
            if !grant.is_offer() || known.contains(&id) {
                continue;
            }
            let agent = self.world.agents.iter().find(|(_, agent)| **agent == grant.agent);
            let framework = self.world.frameworks.iter().find(|(_, f)| f.id == grant.framework);
            let role = state.roles().get(grant.role).map(|role| role.name.to_string());
            let names = (agent.map(|(name, _)| name), framework.map(|(name, _)| name), role);
            let (Some(agent), Some(framework), Some(role)) = names else {
                return Err(format!("offer {id} is of somebody unknown"));
            };
            let resources = text_of(&state.names().named(&grant.resources))?;
            offers.push((agent.clone(), framework.clone(), role, resources, id));
        }
        offers.sort_unstable();
        let mut shown = Vec::new();
        for (agent, framework, role, resources, offer) in offers {
            self.offers_made += 1;
            let id = format!("o{}", self.offers_made);
            shown.push(json!({"id": id, "agent": agent, "framework": framework, "role": role,
                "resources": resources}));
            self.offers.insert(id, offer);
        }
        Ok(json!({"offers": shown}))
    }

    fn offer(&mut self, cmd: &Value) -> Result<OfferId, String> {
        let name = text(cmd, "offer");
        self.offers.remove(name).ok_or(format!("offer {name} is not outstanding"))
    }

    fn accept(&mut self, index: usize, cmd: &Value) -> Outcome {
        let offer = self.offer(cmd)?;
        let specs = self.plan.tasks.get(&index).map_or(&[][..], |tasks| tasks);
        // What is released is not refused: tasks that end at once.
        let released = Bag::parse(text(cmd, "release"))?;
        let mut tasks = Vec::new();
        for (number, held) in specs.iter().chain(&released.tasks()).enumerate() {
            let name = format!("t{index}-{number}");
            tasks.push(json!({"name": name, "resources": held.to_kernel()?}));
        }
        let count = tasks.len();
        let launch: Result<Operation, _> =
            serde_json::from_value(json!({"launch": {"tasks": tasks}}));
        let operations: Vec<_> = if count == 0 {
            Vec::new()
        } else {
            vec![launch.map_err(|error| format!("unsupported: launch: {error}"))?]
        };
        let fields = json!({"offers": [offer], "operations": operations,
            "refuse_seconds": refusal(cmd)});
        let reply = self.world.speak(text(cmd, "framework"), "accept", fields)?;
        let Reply::Accepted { tasks, .. } = reply else { return Err(format!("{reply:?}")) };
        let (kept, mut ended) = (specs.len(), Vec::new());
        for (task, outcome) in tasks.iter().enumerate() {
            let Some(id) = outcome.task else { return Err(format!("not launched: {outcome:?}")) };
            if task < kept {
                self.tasks.insert(Piece { accept: index, task }, id);
            } else {
                ended.push(id);
            }
        }
        self.world.end_tasks(&ended)?;
        let mut rest = Bag::parse(text(cmd, "resources"))?;
        rest.subtract(&Bag::parse(text(cmd, "keep"))?);
        rest.subtract(&released);
        Ok(json!({"declined": rest.to_string()}))
    }

    /// Converts a part of an offer, which stays outstanding.
    fn convert(&mut self, op: &str, cmd: &Value) -> Outcome {
        let name = text(cmd, "offer");
        let offer = *self.offers.get(name).ok_or(format!("offer {name} is not outstanding"))?;
        let target = Bag::parse(text(cmd, "target"))?.to_kernel()?;
        let conversion = match op {
            "reserve" => Ok(Conversion::reserve(&target, None)),
            "unreserve" => Conversion::unreserve(&target),
            "create" => Conversion::create(&target),
            _ => Conversion::destroy(&target),
        };
        let state = &mut self.world.state;
        conversion
            .and_then(|conversion| convert_offer(state, offer, &conversion))
            .map_err(|error| format!("{op}: {error}"))?;
        let grant = state.grants().get(offer).ok_or(format!("offer {name} is gone"))?;
        let resources = text_of(&state.names().named(&grant.resources))?;
        Ok(json!({"resources": resources}))
    }

    fn decline(&mut self, cmd: &Value) -> Outcome {
        let offer = self.offer(cmd)?;
        let fields = json!({"offers": [offer], "refuse_seconds": refusal(cmd)});
        self.world.speak(text(cmd, "framework"), "decline", fields).map(|_| done())
    }

    fn finish(&mut self, index: usize) -> Outcome {
        let pieces = self.plan.ends.get(&index).map_or(&[][..], |pieces| pieces);
        let tasks: Vec<_> = pieces.iter().filter_map(|p| self.tasks.get(p).copied()).collect();
        if tasks.len() != pieces.len() {
            return Err("what is to finish was never launched".into());
        }
        self.world.end_tasks(&tasks).map(|()| done())
    }

    fn subscribe(&mut self, cmd: &Value) -> Outcome {
        let name = text(cmd, "framework");
        let known = self.world.frameworks.get(name);
        let active = match cmd.get("active") {
            Some(active) => active == &json!(true),
            None => known.is_none_or(|framework| framework.session.is_some()),
        };
        // Capabilities that the kernel does not have show where they decide.
        let listed = cmd["capabilities"].as_array().into_iter().flatten();
        let has = |name: &&Value| serde_json::from_value::<Capability>((*name).clone()).is_ok();
        let capabilities: Vec<_> = listed.filter(has).collect();
        let fields = json!({"roles": cmd["roles"], "suppressed_roles": cmd["suppressed"],
            "capabilities": capabilities,
            "min_allocatable": cmd.get("min_allocatable").cloned().unwrap_or_else(|| json!({}))});
        self.world.subscribe(name, fields, active).map(|()| done())
    }

    /// Running tasks are returned first, as the master does.
    fn remove_framework(&mut self, cmd: &Value) -> Outcome {
        let id = self.world.framework(text(cmd, "framework"))?.id;
        let tasks = self.world.state.tasks().iter();
        let running = tasks.filter(|(_, task)| task.framework == id && !task.state.is_terminal());
        let running: Vec<TaskId> = running.map(|(id, _)| id).collect();
        self.world.end_tasks(&running)?;
        self.world.operate("teardown", json!({"framework": id}))?;
        self.world.frameworks.remove(text(cmd, "framework"));
        Ok(done())
    }

    fn flow(&mut self, op: &str, cmd: &Value) -> Outcome {
        let name = text(cmd, "framework");
        let active = self.world.framework(name)?.session.is_some();
        if !active {
            self.world.reconnect(name)?;
        }
        self.world.speak(name, op, json!({"roles": cmd["roles"]}))?;
        if !active {
            self.world.disconnect(name)?;
        }
        Ok(done())
    }

    fn add_agent(&mut self, index: usize, cmd: &Value) -> Outcome {
        let total = Bag::parse(text(cmd, "total"))?.to_kernel()?;
        let mut fields = json!({"name": text(cmd, "agent"), "resources": total,
            "attributes": text(cmd, "attributes"), "domain": domain(cmd)});
        if let Some(capabilities) = cmd["capabilities"].as_array() {
            fields["capabilities"] = json!(capabilities);
        }
        match self.world.drive("register_agent", fields)? {
            Reply::Registered { agent } => {
                self.world.agents.insert(text(cmd, "agent").to_owned(), agent);
                self.adopt(index, agent)?;
                Ok(done())
            }
            other => Err(format!("register_agent replied {other:?}")),
        }
    }

    /// Charges what runs on a new agent already.
    fn adopt(&mut self, index: usize, agent: AgentId) -> Result<(), String> {
        let specs = self.plan.tasks.get(&index).map_or(&[][..], |tasks| tasks);
        let places = self.plan.used.get(&index).map_or(&[][..], |places| places);
        for (task, ((framework, role), held)) in places.iter().zip(specs).enumerate() {
            let framework = self.world.framework(framework)?.id;
            let (name, held) = (format!("t{index}-{task}"), held.to_kernel()?);
            let charged = self.plan.charges(index, task);
            let state = &mut self.world.state;
            let id = adopt_task(state, agent, framework, role, &name, &held, charged);
            self.tasks.insert(Piece { accept: index, task }, id);
        }
        Ok(())
    }

    /// Which offers ended without the framework's doing; recorded for some commands only.
    fn with_rescinded(&mut self, recorded: &Value, result: Value) -> Value {
        let grants = self.world.state.grants();
        let is_gone = |id: &OfferId| !grants.get(*id).is_some_and(|grant| grant.is_offer());
        let gone = self.offers.iter().filter(|(_, id)| is_gone(id));
        let mut gone: Vec<String> = gone.map(|(name, _)| name.clone()).collect();
        self.offers.retain(|name, _| !gone.contains(name));
        // As they are listed there; whatever is missing or too many shows.
        let order = recorded["rescinded"].as_array().cloned().unwrap_or_default();
        gone.sort_by_key(|name| {
            (order.iter().position(|listed| listed == name).unwrap_or(usize::MAX), name.len())
        });
        if gone.is_empty() && recorded.get("rescinded").is_none() {
            return result;
        }
        json!({"rescinded": gone})
    }
}

/// The kernel's options for the configuration of a trace.
fn options(config: &Value) -> Value {
    let sets = config["min_allocatable"].clone();
    let mut options = json!({"min_allocatable": if sets.is_null() { json!([]) } else { sets }});
    let names = config["fairness_exclude"].as_array().filter(|names| !names.is_empty());
    if let Some(names) = names {
        options["fairness_exclude"] = json!(names);
    }
    let filter = config.get("filter_gpu").and_then(Value::as_bool);
    options["filter_gpu"] = json!(filter.unwrap_or(true));
    options["domain"] = domain(config);
    options
}

/// The fault domain that a command names, if it does.
fn domain(cmd: &Value) -> Value {
    match cmd.get("region").and_then(Value::as_str) {
        Some(region) => json!({"region": region, "zone": text(cmd, "zone")}),
        None => Value::Null,
    }
}

/// No filter at all is a refusal of 0 seconds.
fn refusal(cmd: &Value) -> Value {
    match &cmd["refuse_seconds"] {
        Value::Null => json!(0),
        seconds => seconds.clone(),
    }
}

fn text<'a>(cmd: &'a Value, field: &str) -> &'a str {
    cmd.get(field).and_then(Value::as_str).unwrap_or("")
}

fn done() -> Value {
    json!({"ok": true})
}

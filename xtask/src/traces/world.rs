//! A kernel without a shell: the pure state machine, its sessions, and who is who.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tamias::command::{Command, Envelope};
use tamias::event::Effects;
use tamias::ids::{AgentId, FrameworkId, SessionId, TaskId};
use tamias::machine::apply;
use tamias::reply::Reply;
use tamias::time::{Nanos, Time};
use tamias::{Options, State};

/// Longer than any trace: nobody is removed for being away.
const FOREVER_SECONDS: u64 = 3_000_000_000;

/// A framework as the kernel knows it.
#[derive(Debug, Clone, Copy)]
pub struct Framework {
    /// Its id.
    pub id: FrameworkId,
    /// Its session while it is active.
    pub session: Option<SessionId>,
}

/// A kernel and those who take part.
#[derive(Debug)]
pub struct World {
    /// The state.
    pub state: State,
    /// Agents by the names in the trace.
    pub agents: BTreeMap<String, AgentId>,
    /// Frameworks by the names in the trace.
    pub frameworks: BTreeMap<String, Framework>,
    operator: SessionId,
    driver: SessionId,
}

impl World {
    /// A kernel with an operator and one session for all agents.
    ///
    /// Errors: options that the kernel does not have.
    pub fn new(mut options: Value) -> Result<Self, String> {
        options["preset"] = json!("mesos");
        options["allocate_only_on_command"] = json!(true);
        options["rescind_on_update"] = json!(false);
        options["update_retry"] = json!(null);
        let options = Options::from_json(options).map_err(|e| format!("unsupported: {e}"))?;
        let mut state = State::new(options, Time(0));
        let operator = open(&mut state, "operator")?;
        let driver = open(&mut state, "agent")?;
        let (agents, frameworks) = (BTreeMap::new(), BTreeMap::new());
        Ok(Self { state, agents, frameworks, operator, driver })
    }

    /// Sends a command of the operator and has pending work done.
    pub fn operate(&mut self, name: &str, fields: Value) -> Result<Reply, String> {
        self.send(self.operator, name, fields)
    }

    /// Sends a command of the agents.
    pub fn drive(&mut self, name: &str, fields: Value) -> Result<Reply, String> {
        self.send(self.driver, name, fields)
    }

    /// Sends a command of a framework that is active.
    pub fn speak(&mut self, framework: &str, name: &str, fields: Value) -> Result<Reply, String> {
        let session = self.framework(framework)?.session;
        let session = session.ok_or(format!("framework {framework} is not active"))?;
        self.send(session, name, fields)
    }

    /// Subscribes a framework, or changes what it is subscribed to. One that is to be inactive is
    /// connected only for that.
    pub fn subscribe(&mut self, name: &str, mut fields: Value, active: bool) -> Result<(), String> {
        let known = self.frameworks.get(name).copied();
        let session = match known.and_then(|known| known.session) {
            Some(session) => session,
            None => open(&mut self.state, "framework")?,
        };
        fields["name"] = json!(name);
        fields["failover_timeout_seconds"] = json!(FOREVER_SECONDS);
        if let Some(known) = known {
            fields["framework"] = json!(known.id);
        }
        match self.send(session, "subscribe", fields)? {
            Reply::Subscribed { framework: id, .. } => {
                let session = Some(session);
                self.frameworks.insert(name.to_owned(), Framework { id, session });
            }
            other => return Err(format!("subscribe replied {other:?}")),
        }
        if active { Ok(()) } else { self.disconnect(name) }
    }

    /// Subscribes a framework as it is already.
    pub fn reconnect(&mut self, name: &str) -> Result<(), String> {
        let id = self.framework(name)?.id;
        let parts = self.state.frameworks().get(id).map(|framework| &framework.roles);
        let (mut roles, mut suppressed, mut capabilities) = (Vec::new(), Vec::new(), Vec::new());
        let mut minima = serde_json::Map::new();
        for (role, part) in parts.into_iter().flatten().filter(|(_, part)| part.subscribed) {
            let role = self.state.roles().get(*role).map(|role| role.name.to_string());
            suppressed.extend(role.clone().filter(|_| part.suppressed));
            if let (Some(role), Some(sets)) = (&role, &part.min_allocatable) {
                minima.insert(role.clone(), json!(sets));
            }
            roles.extend(role);
        }
        if let Some(framework) = self.state.frameworks().get(id) {
            capabilities.clone_from(&framework.capabilities);
        }
        let fields = json!({
            "roles": roles, "suppressed_roles": suppressed, "capabilities": capabilities,
            "min_allocatable": minima,
        });
        self.subscribe(name, fields, true)
    }

    /// Ends the session of a framework.
    pub fn disconnect(&mut self, name: &str) -> Result<(), String> {
        if let Some(session) = self.framework(name)?.session {
            self.send(session, "close_session", json!({}))?;
        }
        if let Some(framework) = self.frameworks.get_mut(name) {
            framework.session = None;
        }
        Ok(())
    }

    /// Has tasks end, and their frameworks take note.
    pub fn end_tasks(&mut self, tasks: &[TaskId]) -> Result<(), String> {
        for &task in tasks {
            self.drive("update", json!({"task": task, "state": "TASK_FINISHED"}))?;
            let Some(row) = self.state.tasks().get(task) else { continue };
            let uuid = row.pending.front().map(|update| update.uuid);
            let session = self.state.frameworks().get(row.framework).and_then(|f| f.session());
            if let (Some(uuid), Some(session)) = (uuid, session) {
                let fields = json!({"task": {"id": task}, "uuid": uuid});
                self.send(session, "acknowledge", fields)?;
            }
        }
        Ok(())
    }

    /// Moves the clock; what becomes due happens on the way.
    pub fn advance(&mut self, step: Nanos) -> Result<(), String> {
        let target = self.state.now().plus(step);
        while let Some(due) = self.state.next_deadline().filter(|due| *due <= target) {
            self.step_to(due)?;
        }
        self.step_to(target)
    }

    /// A framework of the trace.
    pub fn framework(&self, name: &str) -> Result<Framework, String> {
        self.frameworks.get(name).copied().ok_or(format!("no framework {name}"))
    }

    /// An agent of the trace.
    pub fn agent(&self, name: &str) -> Result<AgentId, String> {
        self.agents.get(name).copied().ok_or(format!("no agent {name}"))
    }

    fn step_to(&mut self, time: Time) -> Result<(), String> {
        let command = Command::from_json("advance_time", json!({})).map_err(|e| e.to_string())?;
        apply_at(&mut self.state, time, None, command)?;
        self.settle()
    }

    fn send(&mut self, session: SessionId, name: &str, fields: Value) -> Result<Reply, String> {
        let command =
            Command::from_json(name, fields).map_err(|e| format!("unsupported: {name}: {e}"))?;
        let now = self.state.now();
        let reply = apply_at(&mut self.state, now, Some(session), command)?;
        self.settle()?;
        Ok(reply)
    }

    /// Ticks until nothing is left to do at this time.
    fn settle(&mut self) -> Result<(), String> {
        loop {
            let tick = Command::from_json("tick", json!({})).map_err(|e| e.to_string())?;
            let now = self.state.now();
            let reply = apply_at(&mut self.state, now, None, tick)?;
            if !matches!(reply, Reply::Ticked { more: true, .. }) {
                return self.state.check_invariants().map_err(|violation| violation.to_string());
            }
        }
    }
}

fn open(state: &mut State, kind: &str) -> Result<SessionId, String> {
    let command = Command::from_json("open_session", json!({"kind": kind}));
    let command = command.map_err(|error| error.to_string())?;
    let now = state.now();
    match apply_at(state, now, None, command)? {
        Reply::SessionOpened { session } => Ok(session),
        other => Err(format!("open_session replied {other:?}")),
    }
}

fn apply_at(
    state: &mut State,
    now: Time,
    session: Option<SessionId>,
    command: Command,
) -> Result<Reply, String> {
    let name = command.name();
    let envelope = Envelope { now, session, command };
    apply(state, &envelope, &mut Effects::new()).map_err(|error| format!("{name}: {error}"))
}

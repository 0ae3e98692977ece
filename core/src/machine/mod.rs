//! Applies commands: checks one, commits it, lets pending work go on in counted steps.
//!
//! [`apply`] is the only way in. Every command is first checked completely and then committed
//! without a way to fail: an `Err` means that the state, its clock and its hash are unchanged.
//! Events are left in a buffer for the shell to deliver; nothing is called back.
//!
//! One file per family of commands:
//!
//! - [`sessions`]: opening, closing, restart, and what a disconnection means
//! - [`operator`]: weights, agents in and out of service, teardown
//! - [`quota`]: guarantees and limits of roles, and what they rescind
//! - [`policy`]: who may do what
//! - [`rates`]: how fast frameworks may send commands
//! - [`pools`]: resources that lie on no agent
//! - [`agents`]: registration, return, change of resources
//! - [`totals`]: what an agent may say it has
//! - [`gone`]: agents that are lost or gone, and how long they are remembered
//! - [`drain`], [`maintenance`], [`inverse_offers`]: agents that are to go
//! - [`executors`]: what runs several tasks, from its start to its end
//! - [`frameworks`]: subscription, revive, suppress, removal
//! - [`messages`]: what frameworks and executors say to each other
//! - [`offers`]: making and ending offers, decline, filters
//! - [`accept`]: using offers, launching tasks
//! - [`operations`]: reserving, creating volumes and the like
//! - [`updates`]: the stream of status updates and acknowledgements
//! - [`tasks`]: kill, reconcile, tasks of lost agents
//! - [`run`]: one run of allocation
//! - [`tick`]: timers, bulk effects, allocation
//! - [`watch`]: telling operators what changes

mod accept;
mod agents;
mod drain;
mod executors;
mod frameworks;
mod gone;
mod inverse_offers;
mod maintenance;
mod messages;
mod offers;
mod operations;
mod operator;
mod policy;
mod pools;
mod quota;
mod rates;
mod run;
mod sessions;
mod tasks;
mod tick;
mod totals;
mod units;
mod updates;
mod watch;

use crate::command::{Command, Envelope, SessionKind};
use crate::error::{Code, Rejection};
use crate::event::{Effect, Effects, Event};
use crate::ids::{AgentId, FrameworkId, SessionId};
use crate::limits::TIME_STEP_MAX;
use crate::reply::Reply;
use crate::state::{Agent, Framework, State};
use crate::time::Time;

/// Applies one command: the transition function of the kernel.
///
/// Events are appended to `effects`. A tick that finds nothing to do replies
/// [`Reply::Ticked`] with `changed: false` and leaves the state, its clock included, as it was.
///
/// Errors: a [`Rejection`]; the state and `effects` are unchanged.
pub fn apply(
    state: &mut State,
    envelope: &Envelope,
    effects: &mut Effects,
) -> Result<Reply, Rejection> {
    let now = step_of_time(state, envelope)?;
    let before = std::mem::replace(&mut state.now, now);
    let mut machine = Machine { state, effects };
    let result = machine.find_token(envelope).and_then(|token| {
        let reply = machine.dispatch(envelope)?;
        machine.take_token(token);
        Ok(reply)
    });
    match &result {
        Err(_) | Ok(Reply::Ticked { changed: false, .. }) => {
            state.now = before;
            if state.is_watched() {
                state.forget_written();
            }
        }
        Ok(_) => {
            let mut machine = Machine { state, effects };
            machine.look_again_at_withheld();
            machine.offer_pools_again();
            state.seq += 1;
            if state.is_watched() {
                Machine { state, effects }.tell_changes();
            }
            state.drop_old_metadata();
        }
    }
    result
}

/// Time never runs backwards; a leap forwards is taken for a wrong unit unless it is announced.
fn step_of_time(state: &State, envelope: &Envelope) -> Result<Time, Rejection> {
    let announced = matches!(envelope.command, Command::AdvanceTime(_) | Command::Restart(_));
    if envelope.now > state.now.plus(TIME_STEP_MAX) && !announced {
        return Err(Rejection::new(
            Code::TimeStep,
            format!(
                "time {} is more than 24 hours after {}: give nanoseconds since 1970, or send \
                 advance_time if the step is meant",
                envelope.now, state.now
            ),
        )
        .at("now"));
    }
    Ok(envelope.now.max(state.now))
}

/// A command at work: the state it changes and the events it causes.
struct Machine<'a> {
    state: &'a mut State,
    effects: &'a mut Effects,
}

impl Machine<'_> {
    fn dispatch(&mut self, envelope: &Envelope) -> Result<Reply, Rejection> {
        let sender = envelope.session;
        self.permit(sender, &envelope.command)?;
        match &envelope.command {
            Command::OpenSession(command) => self.open_session(sender, command),
            Command::CloseSession(_) => self.close_session(sender),
            Command::Restart(_) => self.restart(sender),
            Command::Tick(_) => self.let_time_go_on(sender).map(|()| self.tick()),
            Command::AdvanceTime(_) => self.let_time_go_on(sender).map(|()| self.advance_time()),
            Command::UpdateWeights(command) => self.update_weights(sender, command),
            Command::UpdateQuota(command) => self.update_quota(sender, command),
            Command::DeactivateAgent(command) => self.deactivate_agent(sender, command),
            Command::ReactivateAgent(command) => self.reactivate_agent(sender, command),
            Command::RemoveAgent(command) => self.remove_agent(sender, command),
            Command::Teardown(command) => self.teardown(sender, command),
            Command::SetPolicy(command) => self.set_policy(sender, command),
            Command::Watch(command) => self.watch(sender, command),
            Command::Unwatch(_) => self.unwatch(sender),
            Command::Allocate(command) => self.run_allocation(sender, command),
            Command::RegisterAgent(command) => self.register_agent(sender, command),
            Command::ReregisterAgent(command) => self.reregister_agent(sender, command),
            Command::UpdateAgent(command) => self.update_agent(sender, command),
            Command::Update(command) => self.update(sender, command),
            Command::SendFrameworkMessage(command) => self.send_framework_message(sender, command),
            Command::RegisterExecutor(command) => self.register_executor(sender, command),
            Command::ExecutorLost(command) => self.executor_lost(sender, command),
            Command::Subscribe(command) => self.subscribe(sender, command),
            Command::UpdateFramework(command) => self.update_framework(sender, command),
            Command::ShutdownExecutor(command) => self.shutdown_executor(sender, command),
            Command::SendMessage(command) => self.send_message(sender, command),
            Command::Accept(command) => self.accept(sender, command),
            Command::Decline(command) => self.decline(sender, command),
            Command::Revive(command) => self.revive(sender, command),
            Command::Suppress(command) => self.suppress(sender, command),
            Command::Kill(command) => self.kill(sender, command),
            Command::Acknowledge(command) => self.acknowledge(sender, command),
            Command::Reconcile(command) => self.reconcile(sender, command),
            Command::MarkAgentGone(command) => self.mark_agent_gone(sender, command),
            Command::DrainAgent(command) => self.drain_agent(sender, command),
            Command::UpdateMaintenanceSchedule(command) => {
                self.update_maintenance_schedule(sender, command)
            }
            Command::StartMaintenance(command) => self.start_maintenance(sender, command),
            Command::StopMaintenance(command) => self.stop_maintenance(sender, command),
            Command::AcceptInverseOffers(command) => self.accept_inverse_offers(sender, command),
            Command::DeclineInverseOffers(command) => self.decline_inverse_offers(sender, command),
            Command::ReserveResources(command) => self.reserve_resources(sender, command),
            Command::UnreserveResources(command) => self.unreserve_resources(sender, command),
            Command::CreateVolumes(command) => self.create_volumes(sender, command),
            Command::DestroyVolumes(command) => self.destroy_volumes(sender, command),
            Command::GrowVolume(command) => self.grow_volume(sender, command),
            Command::ShrinkVolume(command) => self.shrink_volume(sender, command),
            Command::AddPool(command) => self.add_pool(sender, command),
            Command::UpdatePool(command) => self.update_pool(sender, command),
            Command::RemovePool(command) => self.remove_pool(sender, command),
            Command::UpdateOperation(command) => self.update_operation(sender, command),
            Command::AcknowledgeOperation(command) => self.acknowledge_operation(sender, command),
            Command::ReconcileOperations(command) => self.reconcile_operations(sender, command),
        }
    }

    /// Anybody may let time go on, but not in the name of a session that is not there.
    fn let_time_go_on(&self, sender: Option<SessionId>) -> Result<(), Rejection> {
        sender.map_or(Ok(()), |_| self.any_sender(sender).map(drop))
    }

    /// The sender's session, which must be of that kind.
    fn sender(&self, sender: Option<SessionId>, kind: SessionKind) -> Result<SessionId, Rejection> {
        let (id, actual) = self.any_sender(sender)?;
        if actual == kind {
            return Ok(id);
        }
        let (is, needs) = (actual.name(), kind.name());
        let text =
            format!("session {id} is of kind {is}: this command needs a session of kind {needs}");
        Err(Rejection::new(Code::WrongSession, text).at("session").id(id.to_u64()))
    }

    fn any_sender(&self, sender: Option<SessionId>) -> Result<(SessionId, SessionKind), Rejection> {
        let Some(id) = sender else {
            let text = "this command needs a session: open one with open_session";
            return Err(Rejection::new(Code::WrongSession, text).at("session"));
        };
        match self.state.sessions.get(id) {
            Some(session) => Ok((id, session.kind)),
            None => {
                let text = format!("no session {id}: it was closed or never opened");
                Err(Rejection::new(Code::UnknownSession, text).at("session").id(id.to_u64()))
            }
        }
    }

    /// The framework of the sender's session.
    fn own_framework(&self, sender: Option<SessionId>) -> Result<FrameworkId, Rejection> {
        let id = self.sender(sender, SessionKind::Framework)?;
        let session = self.state.sessions.get(id);
        if let Some(framework) = session.and_then(|session| session.framework) {
            return Ok(framework);
        }
        let superseded = session.is_some_and(|session| session.superseded);
        let (code, text) = if superseded {
            (Code::Superseded, "the framework was taken over by another session")
        } else {
            (Code::NotSubscribed, "the session has no framework: send subscribe first")
        };
        Err(Rejection::new(code, text).at("session").id(id.to_u64()))
    }

    /// An agent that exists and is not being removed.
    fn known_agent(&self, id: AgentId) -> Result<&Agent, Rejection> {
        self.state.agents.get(id).filter(|agent| !agent.is_removing()).ok_or_else(|| {
            if self.state.registry.is_gone(id) {
                let text = format!("agent {id} was marked gone: it never comes back");
                return Rejection::new(Code::AgentGone, text).at("agent").id(id.to_u64());
            }
            let text = format!("no agent {id}: it was removed or never registered");
            Rejection::new(Code::UnknownAgent, text).at("agent").id(id.to_u64())
        })
    }

    /// An agent that is connected through the sender's session.
    fn own_agent(&self, session: SessionId, id: AgentId) -> Result<&Agent, Rejection> {
        let agent = self.known_agent(id)?;
        if agent.session() == Some(session) {
            return Ok(agent);
        }
        let text = format!("agent {id} is not connected through session {session}");
        Err(Rejection::new(Code::NotYours, text).at("agent").id(id.to_u64()))
    }

    /// A framework that exists and was not torn down.
    fn known_framework(&self, id: FrameworkId) -> Result<&Framework, Rejection> {
        self.state.frameworks.get(id).filter(|f| !f.is_removing()).ok_or_else(|| {
            let text = format!("no framework {id}: it was removed or never subscribed");
            Rejection::new(Code::UnknownFramework, text).at("framework").id(id.to_u64())
        })
    }

    fn tell(&mut self, session: SessionId, event: Event) {
        self.effects.push(Effect { session, event });
    }

    fn tell_framework(&mut self, framework: FrameworkId, event: Event) {
        if let Some(session) = self.state.frameworks.get(framework).and_then(Framework::session) {
            self.tell(session, event);
        }
    }

    fn tell_agent(&mut self, agent: AgentId, event: Event) {
        if let Some(session) = self.state.agents.get(agent).and_then(Agent::session) {
            self.tell(session, event);
        }
    }
}

/// A rejection for a number of things over a limit.
fn over_limit(what: &str, count: usize, limit: usize) -> Rejection {
    Rejection::new(Code::LimitReached, format!("{count} {what}: at most {limit}"))
}

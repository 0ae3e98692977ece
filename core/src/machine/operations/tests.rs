//! What scripts cannot say: resources that no reader would let in, and limits.

use crate::command::{
    Accept, Command, CreateVolumes, Envelope, Operation, RegisterAgent, ReserveResources,
    SessionKind, Subscribe, Tick,
};
use crate::error::Code;
use crate::event::Effects;
use crate::ids::{AgentId, Id as _, OfferId, SessionId};
use crate::limits::{OPERATIONS_PER_ACCEPT_MAX, RESOURCES_PER_AGENT_MAX};
use crate::machine::apply;
use crate::options::Options;
use crate::reply::Reply;
use crate::resources::{Reservation, Resources};
use crate::state::State;
use crate::testing::steps;
use crate::time::Time;

struct World {
    state: State,
    operator: SessionId,
    framework: SessionId,
}

impl World {
    /// One agent, offered to one framework in the role `r`.
    fn new(resources: &str) -> Self {
        let mut state = State::new(Options::mesos(), Time(0));
        let mut open = |kind| steps::open(&mut state, kind);
        let (operator, driver) = (open(SessionKind::Operator), open(SessionKind::Agent));
        let framework = open(SessionKind::Framework);
        let mut world = Self { state, operator, framework };
        let roles = vec!["r".into()];
        world.send(framework, Subscribe { roles, ..Subscribe::default() }).unwrap();
        let resources = resources.parse().unwrap();
        world.send(driver, RegisterAgent { resources, ..RegisterAgent::default() }).unwrap();
        world.send(operator, Tick {}).unwrap();
        world
    }

    fn send(
        &mut self,
        session: SessionId,
        command: impl Into<Command>,
    ) -> Result<Reply, crate::Rejection> {
        let envelope = Envelope { now: Time(0), session: Some(session), command: command.into() };
        let before = self.state.hash();
        let result = apply(&mut self.state, &envelope, &mut Effects::new());
        if result.is_err() {
            assert_eq!(self.state.hash(), before, "a rejection changed something");
        }
        self.state.check_invariants().unwrap();
        result
    }

    fn agent() -> AgentId {
        AgentId::from_parts(0, 1)
    }

    fn accept(&mut self, operations: Vec<Operation>) -> Result<Reply, crate::Rejection> {
        let offers = vec![OfferId::from_parts(0, 1)];
        self.send(self.framework, Accept { offers, operations, ..Accept::default() })
    }
}

fn text(resources: &str) -> Resources {
    resources.parse().unwrap()
}

#[test]
fn resources_that_no_journal_could_be_read_with_are_rejected_even_where_faults_are_reported() {
    let mut world = World::new("cpus:4;disk:10");
    let for_all = text("cpus:1").push_reservation(&Reservation::dynamic("*"));
    let error = world.accept(vec![Operation::Reserve(for_all.clone().into())]).unwrap_err();
    assert_eq!((error.code(), error.field()), (Code::BadResources, "operations[0].reserve"));
    let shared = text("disk:1").with_metadata(|metadata| metadata.shared = true);
    let error = world.accept(vec![Operation::Create(shared.into())]).unwrap_err();
    assert_eq!((error.code(), error.field()), (Code::BadResources, "operations[0].create"));
    let (agent, source) = (World::agent(), None);
    let reserve = ReserveResources { agent, resources: for_all, source };
    let error = world.send(world.operator, reserve).unwrap_err();
    assert_eq!((error.code(), error.field()), (Code::InvalidOperation, "resources"));
}

#[test]
fn an_accept_has_a_limited_number_of_operations() {
    let mut world = World::new("cpus:4");
    let reserve = || Operation::Reserve(text("cpus(+r):0.001").into());
    let many: Vec<_> = (0..=OPERATIONS_PER_ACCEPT_MAX).map(|_| reserve()).collect();
    let error = world.accept(many).unwrap_err();
    assert_eq!((error.code(), error.field()), (Code::LimitReached, "operations"));
    let fits = (0..OPERATIONS_PER_ACCEPT_MAX).map(|_| reserve()).collect();
    world.accept(fits).unwrap();
    let total = &world.state.agents().get(World::agent()).unwrap().total;
    assert_eq!(world.state.names().named(total), text("cpus:3.744;cpus(+r):0.256"));
}

#[test]
fn operations_do_not_cut_an_agent_into_too_many_pieces() {
    let mut world = World::new("cpus:4;disk(r):5000");
    let mut made = 0;
    let mut create = |world: &mut World, count: usize| {
        let ids = (made..made + count).map(|id| format!("disk(r)#v{id}:1"));
        made += count;
        let volumes = text(&ids.collect::<Vec<_>>().join(";"));
        let create = CreateVolumes { agent: World::agent(), volumes };
        world.send(world.operator, create).map_err(|error| error.code())
    };
    // Beside the volumes there are cpus and the rest of the disk.
    assert_eq!(create(&mut world, RESOURCES_PER_AGENT_MAX - 2), Ok(Reply::Done));
    assert_eq!(create(&mut world, 1), Err(Code::LimitReached));
}

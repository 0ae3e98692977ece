//! The workloads of `docs/benchmarks.md`, on one thread, against the pure kernel unless said.
//!
//! `cargo bench -p tamias --bench kernel`. Arguments are `AxF` (agents x frameworks) or `AxT`
//! (agents x live tasks). Each framework is alone in its role, weights are equal.

mod concepts;
mod life;
#[path = "../world/mod.rs"]
mod world;

use divan::Bencher;
use life::Life;
use tamias::command::{Decline, Tick};
use tamias::{Clock, Kernel, Nanos, Options};
use world::World;

fn main() {
    divan::main();
}

const SIZES: &[(u32, u32)] =
    &[(1_000, 50), (1_000, 200), (5_000, 200), (10_000, 200), (10_000, 1_000)];

/// All agents free: from the tick until every agent is offered.
#[divan::bench(args = SIZES, sample_count = 7, sample_size = 1)]
fn alloc_full(bencher: Bencher, (agents, frameworks): (u32, u32)) {
    bencher.with_inputs(|| World::new(agents, frameworks)).bench_local_values(|mut world| {
        assert_eq!(world.tick().len(), agents as usize);
        world
    });
}

/// Everything is offered, nothing changed: one tick.
#[divan::bench(args = SIZES, sample_count = 7)]
fn alloc_idle(bencher: Bencher, (agents, frameworks): (u32, u32)) {
    let mut world = World::new(agents, frameworks);
    world.tick();
    bencher.bench_local(|| world.send(None, Tick {}));
}

/// Every framework has refused every agent for a year; one agent looks free again: one tick.
#[divan::bench(args = [(1_000, 50), (1_000, 200)], sample_count = 7)]
fn alloc_filtered(bencher: Bencher, (agents, frameworks): (u32, u32)) {
    let mut world = World::new(agents, frameworks);
    let year = Some(Nanos::from_secs(365 * 24 * 3600));
    loop {
        let offers = world.tick();
        if offers.is_empty() {
            break;
        }
        for (session, offer) in offers {
            let command = Decline { offers: vec![offer], refuse_seconds: year };
            world.send(Some(session), command);
        }
    }
    let agent = world.state.agents().ids().next().unwrap();
    bencher.bench_local(|| {
        let resources = ["cpus:23;mem:4096", "cpus:22;mem:4096"]
            [usize::from(world.state.seq() % 4 < 2)]
        .parse()
        .ok();
        let command =
            tamias::command::UpdateAgent { resources, ..tamias::command::UpdateAgent::new(agent) };
        world.send(Some(world.driver), command);
        world.tick()
    });
}

/// Registers agents while no framework is there.
#[divan::bench(args = [1_000_u32, 10_000], sample_count = 7, sample_size = 1)]
fn add_agents(bencher: Bencher, agents: u32) {
    bencher.with_inputs(|| World::new(0, 0)).bench_local_values(|mut world| {
        world.add_agents(agents);
        world
    });
}

/// Subscribes frameworks while all agents are there and nothing is allocated in between.
#[divan::bench(args = SIZES, sample_count = 7, sample_size = 1)]
fn add_frameworks(bencher: Bencher, (agents, frameworks): (u32, u32)) {
    bencher.with_inputs(|| World::new(agents, 0)).bench_local_values(|mut world| {
        world.add_frameworks(frameworks);
        world
    });
}

/// One decline with a filter of a year, and the offer that follows to another framework.
#[divan::bench(sample_count = 7, sample_size = 200)]
fn decline(bencher: Bencher) {
    let mut world = World::new(1_000, 50);
    let mut offers: std::collections::VecDeque<_> = world.tick().into();
    bencher.bench_local(|| {
        let (session, offer) = offers.pop_front().unwrap();
        let refuse_seconds = Some(Nanos::from_secs(1));
        world.send(Some(session), Decline { offers: vec![offer], refuse_seconds });
        world.now = world.now.plus(Nanos::from_millis(5));
        offers.extend(world.tick());
    });
}

/// One task's life, see [`Life`]. `AxT`: that many agents and live tasks.
#[divan::bench(
    args = [(10, 100), (1_000, 10_000), (10_000, 100_000)],
    sample_count = 7,
    sample_size = 1_000
)]
fn lifecycle(bencher: Bencher, (agents, live): (u32, u32)) {
    let mut life = Life::new(World::new(agents, 1), live / agents, |task| task);
    bencher.bench_local(|| life.one());
}

/// One call through the shell that changes nothing: lock, clock, apply, wakeups.
#[divan::bench(sample_count = 7)]
fn shell_call(bencher: Bencher) {
    let kernel = Kernel::open_with(Options::default(), Clock::system()).unwrap();
    bencher.bench_local(|| kernel.call(None, Tick {}));
}

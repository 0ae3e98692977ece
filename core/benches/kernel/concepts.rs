//! What each concept costs where it is used, beside the plain workloads of the same size.

use divan::Bencher;
use tamias::Options;
use tamias::command::{
    ExecutorSpec, RoleQuota, SessionKind, TaskCommand, TaskSpec, Tick, UpdateQuota,
};

use crate::life::Life;
use crate::world::World;

const AGENT: &str = "cpus:24;mem:4096;disk:4096;ports:[31000-32000]";
/// A tenth of it is reserved to the role that every framework here descends from.
const RESERVED: &str =
    "cpus:21.6;cpus(org):2.4;mem:3686;mem(org):410;disk:4096;ports:[31000-32000]";

/// Each role has `each` guaranteed, and no more.
fn set_quota(world: &mut World, roles: impl Iterator<Item = String>, each: &str) {
    let quota = |role: String| RoleQuota {
        role: role.into(),
        guarantees: each.parse().unwrap(),
        limits: each.parse().unwrap(),
    };
    let quotas = roles.map(quota).collect();
    let operator = world.open(SessionKind::Operator, None);
    world.send(Some(operator), UpdateQuota { quotas, force: true });
}

/// The first cycle with quota: of R roles five in six have 1 cpu guaranteed as their limit, one in
/// six 4; A agents of 2 cpus. `AxR`.
#[divan::bench(args = [(300, 300), (3_000, 3_000)], sample_count = 7, sample_size = 1)]
fn quota_first(bencher: Bencher, (agents, roles): (u32, u32)) {
    bencher.with_inputs(|| quota_world(agents, roles)).bench_local_values(|mut world| {
        assert!(!world.tick().is_empty());
        world
    });
}

/// The next cycle, when nothing changed. `AxR`.
#[divan::bench(args = [(300, 300), (3_000, 3_000)], sample_count = 7)]
fn quota_idle(bencher: Bencher, (agents, roles): (u32, u32)) {
    let mut world = quota_world(agents, roles);
    world.tick();
    bencher.bench_local(|| world.send(None, Tick {}));
}

fn quota_world(agents: u32, roles: u32) -> World {
    let mut world = World::empty(Options::default());
    world.add_agents_with(agents, "cpus:2;mem:2048;disk:2048");
    world.add_frameworks(roles);
    let large = roles / 6;
    let names = |range: std::ops::Range<u32>| range.map(|index| format!("role{index}"));
    set_quota(&mut world, names(large..roles), "cpus:1;mem:1024;disk:1024");
    set_quota(&mut world, names(0..large), "cpus:4;mem:4096;disk:4096");
    world
}

const SIZES: &[(u32, u32)] = &[(1_000, 200), (10_000, 200), (10_000, 1_000)];

/// `alloc_full` with roles of three levels, a limit on half of the teams, and a tenth of every
/// agent reserved. `AxF`.
#[divan::bench(args = SIZES, sample_count = 7, sample_size = 1)]
fn quota3(bencher: Bencher, (agents, frameworks): (u32, u32)) {
    let input = || {
        let mut world = World::empty(Options::default());
        world.add_agents_with(agents, RESERVED);
        for index in 0..frameworks {
            world.add_framework(None, format!("org/team{}/role{index}", index / 10));
        }
        let limited = (0..frameworks / 10).step_by(2).map(|team| format!("org/team{team}"));
        set_quota(&mut world, limited, "cpus:480;mem:80000");
        world
    };
    bencher.with_inputs(input).bench_local_values(|mut world| {
        assert!(!world.tick().is_empty());
        world
    });
}

const AGENTS: u32 = 1_000;
const EACH: u32 = 10;

fn one_framework(agent: &str, role: &str) -> World {
    let mut world = World::empty(Options::default());
    world.add_agents_with(AGENTS, agent);
    world.add_framework(None, role.into());
    world
}

/// `lifecycle/1000x10000` as it is.
#[divan::bench(sample_count = 7, sample_size = 1_000)]
fn lifecycle_plain(bencher: Bencher) {
    let mut life = Life::new(one_framework(AGENT, "role"), EACH, |task| task);
    bencher.bench_local(|| life.one());
}

/// In a role three levels deep.
#[divan::bench(sample_count = 7, sample_size = 1_000)]
fn lifecycle_nested_role(bencher: Bencher) {
    let mut life = Life::new(one_framework(AGENT, "org/team/role"), EACH, |task| task);
    bencher.bench_local(|| life.one());
}

/// A tenth of every agent is reserved, and offered with the rest.
#[divan::bench(sample_count = 7, sample_size = 1_000)]
fn lifecycle_reserved(bencher: Bencher) {
    let mut life = Life::new(one_framework(RESERVED, "org"), EACH, |task| task);
    bencher.bench_local(|| life.one());
}

/// The role has a guarantee that it never reaches, and a limit.
#[divan::bench(sample_count = 7, sample_size = 1_000)]
fn lifecycle_quota(bencher: Bencher) {
    let mut world = one_framework(AGENT, "role");
    set_quota(&mut world, ["role".into()].into_iter(), "cpus:30000;mem:5000000");
    let mut life = Life::new(world, EACH, |task| task);
    bencher.bench_local(|| life.one());
}

/// Every task names an executor, which each agent starts once.
#[divan::bench(sample_count = 7, sample_size = 1_000)]
fn lifecycle_executor(bencher: Bencher) {
    let dress = |task: TaskSpec| {
        let resources = "cpus:0.1;mem:32".parse().unwrap();
        let argv = vec!["executor".into()];
        let command = Some(TaskCommand { argv, ..Default::default() });
        let executor = ExecutorSpec { name: "e".into(), resources, command, ..Default::default() };
        TaskSpec { executor: Some(Box::new(executor)), ..task }
    };
    let mut life = Life::new(one_framework(AGENT, "role"), EACH, dress);
    bencher.bench_local(|| life.one());
}

//! Memory that objects take, all indexes included.
//!
//! `cargo bench -p tamias --bench memory`: `max alloc` divided by the number in the name is the
//! number of bytes per object.

mod world;

use divan::{AllocProfiler, Bencher};
use tamias::Reply;
use tamias::command::{Accept, Acknowledge, TaskSpec, Update};
use tamias::status::TaskState;
use world::World;

#[global_allocator]
static ALLOC: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

/// 10,000 agents.
#[divan::bench(sample_count = 1, sample_size = 1)]
fn memory_10000_agents(bencher: Bencher) {
    bencher.with_inputs(|| World::new(0, 0)).bench_local_values(|mut world| {
        world.add_agents(10_000);
        world
    });
}

/// 100,000 running tasks on 1,000 agents; their agents and offers come before.
#[divan::bench(sample_count = 1, sample_size = 1)]
fn memory_100000_tasks(bencher: Bencher) {
    let input = || {
        let mut world = World::new(1_000, 1);
        let commands: Vec<_> = world
            .tick()
            .into_iter()
            .enumerate()
            .map(|(index, (session, offer))| {
                let tasks: Vec<_> = (0..100)
                    .map(|t| TaskSpec {
                        name: format!("task-{index}-{t}").into(),
                        resources: "cpus:0.1;mem:10".parse().unwrap(),
                        ..Default::default()
                    })
                    .collect();
                let operations = vec![tasks.into()];
                (session, Accept { offers: vec![offer], operations, ..Default::default() })
            })
            .collect();
        (world, commands)
    };
    bencher.with_inputs(input).bench_local_values(|(mut world, commands)| {
        for (session, command) in commands {
            let tasks = match world.send(Some(session), command) {
                Reply::Accepted { tasks, .. } => tasks,
                other => panic!("{other:?}"),
            };
            for outcome in tasks {
                let update = Update::new(outcome.task.unwrap(), TaskState::Running);
                world.send(Some(world.driver), update);
                let uuid = world.uuid();
                let task = outcome.task.unwrap().into();
                world.send(Some(session), Acknowledge { task, uuid });
            }
        }
        world
    });
}

//! What a call through the typed handles costs in Rust: the yardstick for other languages.
//!
//! `cargo bench -p tamias --bench border`. Prints nanoseconds per item as median [min .. max] over
//! the rounds; `ffi/examples/bench_border.c` and `python/benches/border.py` do the same through
//! their borders.

use std::time::Instant;

use tamias::command::{RegisterAgent, Subscribe, TaskSpec, Update};
use tamias::event::Event;
use tamias::status::TaskState;
use tamias::{Clock, Kernel, Nanos, Options, Time};

const BATCH: u32 = 256;
const ROUNDS: usize = 201;
const NAMES: [&str; 5] = ["empty", "launch_256", "update_256", "event_256", "acknowledge_256"];

fn main() {
    let kernel = Kernel::open_with(Options::default(), Clock::manual(Time(0))).unwrap();
    let driver = kernel.agent_driver().unwrap();
    let resources = "cpus:256;mem:65536".parse().unwrap();
    driver.register(RegisterAgent { resources, ..RegisterAgent::default() }).unwrap();
    let roles = vec!["dev".into()];
    let framework = kernel.subscribe(Subscribe { roles, ..Subscribe::default() }).unwrap();
    let tasks: Vec<_> = (0..BATCH)
        .map(|i| TaskSpec {
            name: format!("t{i}").into(),
            resources: "cpus:1;mem:64".parse().unwrap(),
            ..TaskSpec::default()
        })
        .collect();
    let mut figures: [Vec<f64>; 5] = Default::default();
    for _ in 0..ROUNDS {
        let offer = loop {
            let events = framework.poll(1024).unwrap();
            let offer = events.iter().find_map(|record| match &record.event {
                Event::Offer(offer) => Some(offer.offer),
                _ => None,
            });
            match offer {
                Some(offer) => break offer,
                None => drop(kernel.advance(kernel.now().plus(Nanos::from_secs(1))).unwrap()),
            }
        };
        let mut time = |index: usize, start: Instant| {
            let nanos = start.elapsed().as_secs_f64() * 1e9;
            figures[index].push(nanos / f64::from(BATCH));
        };
        let start = Instant::now();
        for _ in 0..BATCH {
            std::hint::black_box(kernel.now());
        }
        time(0, start);
        let start = Instant::now();
        let outcomes = framework.launch(&[offer], tasks.clone()).unwrap();
        time(1, start);
        while !driver.poll(1024).unwrap().is_empty() {}
        // Else every task that ends would be offered by itself.
        framework.suppress(&[]).unwrap();
        let start = Instant::now();
        for outcome in &outcomes {
            driver.update(Update::new(outcome.task.unwrap(), TaskState::Finished)).unwrap();
        }
        time(2, start);
        let start = Instant::now();
        let events = framework.poll(usize::MAX).unwrap();
        time(3, start);
        let start = Instant::now();
        for record in &events {
            if let Event::Update(status) = &record.event {
                framework.acknowledge(status.task.unwrap(), status.uuid.unwrap()).unwrap();
            }
        }
        time(4, start);
        framework.revive(&[]).unwrap();
    }
    for (name, figures) in NAMES.iter().zip(&mut figures) {
        figures.sort_by(f64::total_cmp);
        let (low, middle, high) = (figures[0], figures[ROUNDS / 2], figures[ROUNDS - 1]);
        println!("border/rust/{name} {middle:.1} [{low:.1} .. {high:.1}] ns");
    }
}

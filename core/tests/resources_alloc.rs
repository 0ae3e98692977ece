//! The ledger's hot operations allocate nothing when a collection has only scalars.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use tamias::resources::Resources;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// The system allocator, counting per thread.
struct Counting;

// SAFETY: every call is passed on to `System` unchanged; the counter is a const-initialised
// thread-local without a destructor, so touching it neither allocates nor re-enters.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promises about `layout` are those that `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: `ptr` came from `alloc` above, that is from `System`, with this layout.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(work: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.with(Cell::get);
    work();
    ALLOCATIONS.with(Cell::get) - before
}

#[test]
fn scalar_arithmetic_does_not_allocate() {
    let mut total: Resources = "cpus:64;mem:262144;disk:1000000;gpus:8".parse().unwrap();
    let task: Resources = "cpus:0.5;mem:512;gpus:1".parse().unwrap();
    let whole = total.clone();
    let count = allocations(|| {
        assert!(total.contains(&task) && !total.overlaps(&task));
        total.subtract(&task);
        assert!(!total.contains(&whole));
        total.add_assign(&task);
        let copy = total.clone();
        assert!(copy == whole);
    });
    assert_eq!(count, 0);
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(std::hint::black_box(Box::new(7)))), 1);
}

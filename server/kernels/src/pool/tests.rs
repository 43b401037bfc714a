//! Jobs, their splits, panics, and callers at the same time.

use super::*;

#[test]
fn run_calls_every_thread_once() {
    for threads in [1, 2, 3, 5] {
        let pool = Pool::new(threads);
        for _ in 0..if cfg!(miri) { 3 } else { 200 } {
            let calls: Vec<AtomicUsize> = (0..threads).map(|_| AtomicUsize::new(0)).collect();
            pool.run(|thread| {
                calls[thread].fetch_add(1, Ordering::Relaxed);
            });
            assert!(calls.iter().all(|calls| calls.load(Ordering::Relaxed) == 1));
        }
    }
}

#[test]
fn closed_epoch_admits_no_worker() {
    let pool = Pool::new(1);
    let closed = pool.shared.epoch();
    assert!(pool.shared.join() == closed && pool.shared.epoch() == closed);
    pool.shared.epoch.store(closed.next().0, Ordering::SeqCst);
    assert!(!pool.shared.join().is_closed() && !pool.shared.join().is_closed());
    let epoch = pool.shared.epoch();
    assert_eq!((epoch.n_running(), epoch.n_joined(), epoch.number()), (2, 2, closed.number() + 1));
    // One worker leaves, and the caller has no work left.
    pool.shared.epoch.fetch_sub(1, Ordering::SeqCst);
    pool.shared.epoch.fetch_or(Epoch::CLOSED, Ordering::SeqCst);
    assert!(pool.shared.join().is_closed(), "too late");
    let epoch = pool.shared.epoch();
    assert_eq!((epoch.n_running(), epoch.n_joined(), epoch.is_closed()), (1, 2, true));
    assert!(epoch.next().number() == epoch.number() + 1 && !epoch.next().is_closed());
}

#[test]
fn split_covers_every_item_once() {
    let pool = Pool::new(3);
    for (n_items, grain) in [(0, 4), (1, 4), (17, 4), (100, 1), (5, 0), (1000, 7)] {
        let last_number: Vec<AtomicUsize> = (0..n_items).map(|_| AtomicUsize::new(0)).collect();
        let see = |items: Range<usize>| {
            for item in items {
                last_number[item].fetch_add(1, Ordering::Relaxed);
            }
        };
        pool.split(n_items, grain, see);
        pool.split_guided(n_items, grain, see);
        assert!(last_number.iter().all(|last_number| last_number.load(Ordering::Relaxed) == 2));
    }
}

#[test]
fn panic_reaches_caller_and_pool_survives() {
    let pool = Pool::new(3);
    for panicking in 0..3 {
        let result = catch_unwind(AssertUnwindSafe(|| {
            pool.run(|thread| {
                if thread == panicking {
                    resume_unwind(Box::new("broken job"));
                }
            });
        }));
        assert_eq!(result.unwrap_err().downcast_ref::<&str>(), Some(&"broken job"));
    }
    let calls = AtomicUsize::new(0);
    pool.run(|_| {
        calls.fetch_add(1, Ordering::Relaxed);
    });
    assert_eq!(calls.load(Ordering::Relaxed), 3);
}

#[test]
fn nested_job_runs_in_place() {
    let pool = Pool::new(2);
    let calls = AtomicUsize::new(0);
    pool.run(|_| {
        pool.run(|_| {
            calls.fetch_add(1, Ordering::Relaxed);
        });
    });
    assert_eq!(calls.load(Ordering::Relaxed), 4);
}

#[test]
fn concurrent_callers_do_not_mix_jobs() {
    let pool = Pool::new(2);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..if cfg!(miri) { 3 } else { 300 } {
                    let calls = AtomicUsize::new(0);
                    pool.run(|_| {
                        calls.fetch_add(1, Ordering::Relaxed);
                    });
                    assert_eq!(calls.load(Ordering::Relaxed), 2);
                }
            });
        }
    });
}

use super::*;

#[test]
fn results_come_in_order_whatever_the_threads() {
    let jobs: Vec<u64> = (0..100).collect();
    for threads in [None, NonZeroUsize::new(1), NonZeroUsize::new(7), NonZeroUsize::new(500)] {
        let mut results = Vec::new();
        let work = |job: &u64| {
            thread::sleep(std::time::Duration::from_micros(job * 7919 % 300));
            job * 2
        };
        run(&jobs, threads, work, |result| {
            results.push(result);
            true
        });
        assert_eq!(results, jobs.iter().map(|job| job * 2).collect::<Vec<_>>());
    }
}

#[test]
fn it_ends_when_it_is_told_to() {
    let jobs: Vec<u32> = (0..1000).collect();
    for threads in [None, NonZeroUsize::new(3)] {
        let done = AtomicUsize::new(0);
        let mut taken = 0;
        run(
            &jobs,
            threads,
            |_| {
                thread::sleep(std::time::Duration::from_micros(200));
                done.fetch_add(1, Ordering::Relaxed)
            },
            |_| {
                taken += 1;
                taken < 10
            },
        );
        assert_eq!(taken, 10);
        assert!(done.load(Ordering::Relaxed) < 500, "{done:?}");
    }
}

#[test]
fn a_panic_is_a_result() {
    assert_eq!(caught(|| 7), Ok(7));
    let said = caught(|| -> u32 { panic!("lost {} things", 3) }).unwrap_err();
    assert!(said.contains("lost 3 things") && said.contains("pool/tests.rs"), "{said}");
    let mut results = Vec::new();
    let work = |job: &u32| caught(|| 10 / (*job % 2));
    run(&[1, 2, 3], NonZeroUsize::new(2), work, |result| {
        results.push(result.is_ok());
        true
    });
    assert_eq!(results, [true, false, true]);
}

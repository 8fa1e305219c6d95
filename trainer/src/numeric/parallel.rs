//! Work on all cores.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Makes something of each number below `count`, in their order, on all cores. Each core's `worker` makes something of
/// every number that its iterator gives it, as many at a time as it comes to: whoever is done early takes more. Of
/// several errors, that of the lowest number is given.
///
/// # Errors
/// The errors of the workers.
pub fn on_all<T: Send, E: Send>(
    count: usize,
    worker: impl Fn(&mut dyn Iterator<Item = usize>) -> Result<Vec<Made<T, E>>, E> + Sync,
) -> Result<Vec<T>, E> {
    let next = AtomicUsize::new(0);
    let work = || {
        let numbers = std::iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed));
        worker(&mut numbers.take_while(|&number| number < count))
    };
    let mut made = vec![];
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..count.min(cores())).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            let of_worker = worker.join();
            made.extend(of_worker.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
        }
        Ok::<_, E>(())
    })?;
    made.sort_by_key(|&(number, _)| number);
    made.into_iter().map(|(_, made)| made).collect()
}

/// A number and the result of a worker on it.
pub type Made<T, E> = (usize, Result<T, E>);

/// The machine's cores, one where nobody knows.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

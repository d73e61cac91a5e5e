//! How many pushes are carried out at once: a count under a limit that may
//! change while they are.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// The count. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Gate(Arc<AtomicUsize>);

impl Gate {
    /// Counts one more until the result is dropped; nothing, where `limit` are
    /// in already. A limit that shrinks lets those in finish.
    pub(super) fn enter(&self, limit: usize) -> Option<Entered> {
        let more = |count: usize| (count < limit).then_some(count + 1);
        let entered = self
            .0
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, more);
        entered.is_ok().then(|| Entered(self.0.clone()))
    }
}

/// One that is in.
#[derive(Debug)]
pub struct Entered(Arc<AtomicUsize>);

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_that_changes_counts_from_the_next_one_on() {
        let gate = Gate::default();
        let (first, _second) = (gate.enter(2).unwrap(), gate.enter(2).unwrap());
        assert!(gate.enter(2).is_none());
        let _third = gate.enter(3).unwrap();
        drop(first);
        assert!(gate.enter(1).is_none(), "two are still in");
        assert!(gate.enter(3).is_some());
    }
}

//! The state of a peer's connections as a pure state machine. Several may be
//! open or under way at once.

/// What the connections to a peer amount to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkState {
    /// None is open, and nothing asks for one.
    Idle,
    /// None is open; one is being made, and none failed since the last was open.
    Connecting,
    /// At least one is open.
    Ready,
    /// None is open, and the last attempt failed; another one may be under way.
    Failed,
}

/// Counts what is open and under way.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Link {
    open: usize,
    attempts: usize,
    last_failed: bool,
}

impl Link {
    pub(super) fn attempted(&mut self) {
        self.attempts += 1;
    }

    /// Nobody waits for the attempt any more.
    pub(super) fn given_up(&mut self) {
        self.attempts = self.attempts.saturating_sub(1);
    }

    pub(super) fn failed(&mut self) {
        self.given_up();
        self.last_failed = true;
    }

    pub(super) fn opened(&mut self) {
        self.given_up();
        self.open += 1;
        self.last_failed = false;
    }

    pub(super) fn closed(&mut self) {
        self.open = self.open.saturating_sub(1);
    }

    pub(super) fn open(&self) -> usize {
        self.open
    }

    pub(super) fn state(&self) -> LinkState {
        if self.open > 0 {
            LinkState::Ready
        } else if self.last_failed {
            LinkState::Failed
        } else if self.attempts > 0 {
            LinkState::Connecting
        } else {
            LinkState::Idle
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn after(steps: &[fn(&mut Link)]) -> LinkState {
        let mut link = Link::default();
        for step in steps {
            step(&mut link);
        }
        link.state()
    }

    #[test]
    fn a_link_is_made_on_demand_and_idles_after_a_loss() {
        assert_eq!(after(&[]), LinkState::Idle);
        assert_eq!(after(&[Link::attempted]), LinkState::Connecting);
        assert_eq!(after(&[Link::attempted, Link::opened]), LinkState::Ready);
        let lost: [fn(&mut Link); 3] = [Link::attempted, Link::opened, Link::closed];
        assert_eq!(after(&lost), LinkState::Idle);
        assert_eq!(after(&[Link::attempted, Link::given_up]), LinkState::Idle);
    }

    #[test]
    fn a_failed_link_stays_failed_through_further_attempts_until_one_succeeds() {
        let failed: [fn(&mut Link); 2] = [Link::attempted, Link::failed];
        assert_eq!(after(&failed), LinkState::Failed);
        let again: [fn(&mut Link); 3] = [Link::attempted, Link::failed, Link::attempted];
        assert_eq!(after(&again), LinkState::Failed);
        let at_last: [fn(&mut Link); 4] =
            [Link::attempted, Link::failed, Link::attempted, Link::opened];
        assert_eq!(after(&at_last), LinkState::Ready);
    }

    #[test]
    fn one_open_connection_outweighs_a_failed_attempt_for_as_long_as_it_lives() {
        let mut steps: Vec<fn(&mut Link)> =
            vec![Link::attempted, Link::opened, Link::attempted, Link::failed];
        assert_eq!(after(&steps), LinkState::Ready);
        steps.push(Link::closed);
        assert_eq!(after(&steps), LinkState::Failed, "the last attempt failed");
    }

    proptest! {
        #[test]
        fn ready_means_exactly_that_something_is_open(steps in prop::collection::vec(0..4_u8, 0..60)) {
            let (mut link, mut open, mut attempts) = (Link::default(), 0, 0);
            for step in steps {
                match step {
                    0 => { link.attempted(); attempts += 1; }
                    1 if attempts > 0 => { link.opened(); attempts -= 1; open += 1; }
                    2 if attempts > 0 => { link.failed(); attempts -= 1; }
                    3 if open > 0 => { link.closed(); open -= 1; }
                    _ => {}
                }
                prop_assert_eq!(link.open(), open);
                prop_assert_eq!(link.state() == LinkState::Ready, open > 0);
                if link.state() == LinkState::Idle {
                    prop_assert_eq!(attempts, 0);
                }
            }
        }
    }
}

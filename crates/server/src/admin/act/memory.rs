//! The last acts by their request ids, so that a request sent twice is done once.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use push_manager_proto::admin::{ActRequest, ActResponse};
use tokio::time::Instant;
use tonic::{Code, Status};

/// Acts remembered.
const MOST_REMEMBERED: usize = 1024;
/// How long: whoever repeats a request for want of an answer does it sooner,
/// and another console may come by the same id later.
const REMEMBERED_FOR: Duration = Duration::from_mins(10);

type Answer = Result<ActResponse, Status>;

#[derive(Debug, Default)]
pub(super) struct Memory {
    answers: HashMap<String, (ActRequest, Answer)>,
    order: VecDeque<(Instant, String)>,
}

impl Memory {
    /// The first answer to this request, if it came lately; an error, if another one
    /// had its id.
    pub(super) fn answer_to(
        &mut self,
        request: &ActRequest,
        now: Instant,
    ) -> Option<Result<Answer, Status>> {
        self.forget(now);
        let (first, answer) = self.answers.get(&request.request_id)?;
        if first == request {
            return Some(Ok(answer.clone()));
        }
        let problem = "request_id: was used for another act; give each act an id of its own";
        Some(Err(Status::invalid_argument(problem)))
    }

    /// Keeps the answer to a request whose fields are within bounds, unless asking
    /// again may help.
    pub(super) fn keep(&mut self, request: &ActRequest, answer: &Answer, now: Instant) {
        let id = &request.request_id;
        let passing = matches!(answer, Err(status) if status.code() == Code::Unavailable);
        if id.is_empty() || passing {
            return;
        }
        self.forget(now);
        if self.answers.contains_key(id) {
            return;
        }
        if self.order.len() == MOST_REMEMBERED
            && let Some((_, oldest)) = self.order.pop_front()
        {
            self.answers.remove(&oldest);
        }
        self.order.push_back((now, id.clone()));
        self.answers
            .insert(id.clone(), (request.clone(), answer.clone()));
    }

    fn forget(&mut self, now: Instant) {
        let is_old = |(at, _): &mut (Instant, String)| now >= *at + REMEMBERED_FOR;
        while let Some((_, id)) = self.order.pop_front_if(is_old) {
            self.answers.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(id: &str, node: &str) -> ActRequest {
        ActRequest {
            request_id: id.to_owned(),
            node: node.to_owned(),
            ..ActRequest::default()
        }
    }

    #[test]
    fn the_last_acts_are_remembered_and_no_more() {
        let (mut memory, now) = (Memory::default(), Instant::now());
        let done = Ok(ActResponse::default());
        for number in 0..=MOST_REMEMBERED {
            memory.keep(&request(&number.to_string(), "n"), &done, now);
        }
        assert!(memory.answer_to(&request("0", "n"), now).is_none());
        assert!(memory.answer_to(&request("1", "n"), now).unwrap().is_ok());
        assert_eq!(memory.answers.len(), MOST_REMEMBERED);
        let other = memory.answer_to(&request("1", "m"), now).unwrap();
        assert_eq!(other.unwrap_err().code(), Code::InvalidArgument);
    }

    #[test]
    fn what_may_work_another_time_is_not_remembered() {
        let (mut memory, now) = (Memory::default(), Instant::now());
        let busy = Err(Status::unavailable("busy"));
        memory.keep(&request("a", "n"), &busy, now);
        memory.keep(&request("", "n"), &Ok(ActResponse::default()), now);
        assert!(memory.answer_to(&request("a", "n"), now).is_none());
        assert!(memory.answer_to(&request("", "n"), now).is_none());
    }

    #[test]
    fn an_answer_is_forgotten_when_nobody_repeats_its_request_any_more() {
        let (mut memory, start) = (Memory::default(), Instant::now());
        let done = Ok(ActResponse::default());
        memory.keep(&request("1", "n"), &done, start);
        let soon = start + Duration::from_mins(9);
        memory.keep(&request("2", "n"), &done, soon);
        assert!(memory.answer_to(&request("1", "n"), soon).unwrap().is_ok());
        let later = start + Duration::from_mins(10);
        assert!(memory.answer_to(&request("1", "m"), later).is_none());
        assert!(memory.answer_to(&request("2", "n"), later).unwrap().is_ok());
        assert_eq!((memory.answers.len(), memory.order.len()), (1, 1));
    }
}

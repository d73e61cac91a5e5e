//! The last acts by their request ids, so that a request sent twice is done once.

use std::collections::{HashMap, VecDeque};

use push_manager_proto::admin::{ActRequest, ActResponse};
use tonic::{Code, Status};

/// Acts remembered.
const MOST_REMEMBERED: usize = 1024;

type Answer = Result<ActResponse, Status>;

#[derive(Debug, Default)]
pub(super) struct Memory {
    answers: HashMap<String, (ActRequest, Answer)>,
    order: VecDeque<String>,
}

impl Memory {
    /// The first answer to this request, if it came before; an error, if another one
    /// had its id.
    pub(super) fn answer_to(&self, request: &ActRequest) -> Option<Result<Answer, Status>> {
        let (first, answer) = self.answers.get(&request.request_id)?;
        if first == request {
            return Some(Ok(answer.clone()));
        }
        let problem = "request_id: was used for another act; give each act an id of its own";
        Some(Err(Status::invalid_argument(problem)))
    }

    /// Keeps an answer, unless asking again may help.
    pub(super) fn keep(&mut self, request: &ActRequest, answer: &Answer) {
        let id = &request.request_id;
        let passing = matches!(answer, Err(status) if status.code() == Code::Unavailable);
        if id.is_empty() || id.len() > super::parse::LONGEST_ID || passing {
            return;
        }
        if self.answers.contains_key(id) {
            return;
        }
        if self.order.len() == MOST_REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.answers.remove(&oldest);
        }
        self.order.push_back(id.clone());
        self.answers
            .insert(id.clone(), (request.clone(), answer.clone()));
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
        let mut memory = Memory::default();
        for number in 0..=MOST_REMEMBERED {
            memory.keep(
                &request(&number.to_string(), "n"),
                &Ok(ActResponse::default()),
            );
        }
        assert!(memory.answer_to(&request("0", "n")).is_none());
        assert!(memory.answer_to(&request("1", "n")).unwrap().is_ok());
        assert_eq!(memory.answers.len(), MOST_REMEMBERED);
        let other = memory.answer_to(&request("1", "m")).unwrap().unwrap_err();
        assert_eq!(other.code(), Code::InvalidArgument);
    }

    #[test]
    fn what_may_work_another_time_is_not_remembered() {
        let mut memory = Memory::default();
        memory.keep(&request("a", "n"), &Err(Status::unavailable("busy")));
        memory.keep(&request("", "n"), &Ok(ActResponse::default()));
        assert!(memory.answer_to(&request("a", "n")).is_none());
        assert!(memory.answer_to(&request("", "n")).is_none());
    }
}

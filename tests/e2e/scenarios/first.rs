//! What everybody does first.

use std::time::Duration;

use push_manager_e2e::{
    forward::Forward,
    people::People,
    pushes::{PUSHES, commands},
    run::Run,
    settings::variable,
    space::{SOON, scenario},
};
use serde_json::Value;

/// A push for others would be there by now.
const STRAY: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread")]
async fn three_grpcurl_commands_through_the_service_reach_people() {
    scenario("e2e-first", async |space| {
        space.peers().await;
        space.push_manager("").await;
        let people = People::connect(space).await;
        let _forward = Forward::to(space, "service/push", 50053, 50053)
            .await
            .unwrap();
        let readme = space.lab.settings.root.join("README.md");
        let readme = std::fs::read_to_string(readme).unwrap();
        let commands = commands(&readme);
        assert_eq!(commands.len(), PUSHES.len(), "{commands:?}");
        // Room, one user, everybody.
        for ((body, method), (text, reached)) in
            commands.into_iter().zip(PUSHES.iter().zip([9, 1, 9]))
        {
            let words = ["-plaintext", "-d", body, "localhost:50053", method];
            let grpcurl = variable("GRPCURL").unwrap();
            let called = space.lab.program(grpcurl.as_ref(), &words).await;
            let answer = called.and_then(Run::ok).unwrap();
            let answer: Value = serde_json::from_str(&answer).unwrap();
            assert_eq!(answer["success"], true, "{answer}");
            assert_eq!(
                answer["receipt"]["targets"],
                reached.to_string(),
                "{answer}"
            );
            let first = people.who_gets(text, reached, SOON).await;
            assert_eq!(first, reached, "{method}: {answer}");
            // And nobody else.
            let all = people.who_gets(text, reached + 1, STRAY).await;
            assert_eq!(all, reached, "{method} reached others: {answer}");
        }
    })
    .await;
}

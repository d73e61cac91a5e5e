//! What everybody does first.

use push_manager_e2e::{
    forward::Forward,
    people::People,
    pushes::{PUSHES, commands},
    settings::variable,
    space::{SOON, scenario},
};
use serde_json::Value;

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
            let answer = space
                .lab
                .program(grpcurl.as_ref(), &words)
                .await
                .unwrap()
                .ok()
                .unwrap();
            let answer: Value = serde_json::from_str(&answer).unwrap();
            assert_eq!(answer["success"], true, "{answer}");
            assert_eq!(
                answer["receipt"]["targets"],
                reached.to_string(),
                "{answer}"
            );
            assert_eq!(
                people.who_gets(text, reached, SOON).await,
                reached,
                "{method}: {answer}"
            );
        }
    })
    .await;
}

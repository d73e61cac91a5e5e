//! What everybody does first.

use push_manager_e2e::{
    forward::Forward,
    people::People,
    settings::variable,
    space::{SOON, scenario},
};
use serde_json::Value;

/// The commands of the README, as they are typed, and what they push.
const TEXTS: [&str; 3] = ["Hello Room!", "Hello User!", "System Announcement"];

/// Body and method of each grpcurl command in the README.
fn commands(readme: &str) -> Vec<(&str, &str)> {
    let lines = readme.lines().map(str::trim);
    let bodies = lines.filter_map(|line| line.strip_prefix("grpcurl -plaintext -d '"));
    bodies
        .filter_map(|rest| rest.split_once("' localhost:50053 "))
        .collect()
}

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
        assert_eq!(commands.len(), TEXTS.len(), "{commands:?}");
        // Room, one user, everybody.
        for ((body, method), (text, reached)) in
            commands.into_iter().zip(TEXTS.iter().zip([9, 1, 9]))
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

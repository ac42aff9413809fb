//! A message may be called as a word that is part of another path.

use std::collections::BTreeSet;

use crate::desk::Desk;

/// Theirs, ours or not.
const OPERATIONS: &str = include_str!("../../../../assets/svix/operations.txt");

/// Words that paths have where `…/msg/{msg_id}` has the name.
fn words() -> BTreeSet<String> {
    let document = ringup_api::document();
    let ours = document["paths"].as_object().expect("paths").keys().map(String::as_str);
    let theirs = OPERATIONS.lines().filter_map(|line| line.split(' ').nth(1));
    let word = |path: &str| path.strip_prefix("/api/v1/app/{app_id}/msg/").map(str::to_owned);
    ours.chain(theirs).filter_map(word).filter(|word| !word.contains(['/', '{'])).collect()
}

#[tokio::test]
async fn a_message_is_found_by_a_name_that_is_a_word_of_a_path() {
    let desk = Desk::open().await;
    desk.account("shop").await;
    let words = words();
    assert!(words.contains("search") && words.contains("batch"), "{words:?}");
    for word in &words {
        let body = format!(r#"{{"eventType":"sale","eventId":"{word}","payload":{{}}}}"#);
        let made = desk.post("/app/shop/msg", body).await;
        assert_eq!(made.status, 202, "{word}: {}", made.text);
        for path in [format!("/app/shop/msg/{word}"), format!("/app/shop/msg/{word}/")] {
            let found = desk.get(&path).await;
            assert_eq!((found.status, found.at("/eventId")), (200, word.as_str().into()), "{path}: {}", found.text);
        }
        let nobodys = desk.get(&format!("/app/nobody/msg/{word}")).await;
        assert_eq!(nobodys.status, 404, "{}", nobodys.text);
        // What the word itself can do is still there, and both are named to whoever asks for neither.
        let refused = desk.call("PUT", &format!("/app/shop/msg/{word}"), "{}").await;
        assert_eq!(refused.status, 405, "{}", refused.text);
        let allow = refused.headers["allow"].to_str().unwrap();
        assert!(allow.contains("GET") && allow.contains("POST"), "{word}: {allow}");
    }
    assert_eq!(desk.post("/app/shop/msg/search", "{}").await.status, 501);
    let batch = desk.post("/app/shop/msg/batch", r#"{"messages":[{"eventType":"sale","payload":{}}]}"#).await;
    assert_eq!(batch.status, 202, "{}", batch.text);
}

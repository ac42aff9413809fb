//! Tokens for receivers that want them, over real sockets.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use ringup_core::authorization::{CredentialsIn, OAuth, Secret, TokenBody};
use ringup_core::key::{AccountKey, EndpointKey};
use ringup_core::outcome::{BlockedBy, Cause, NoToken, Outcome};
use ringup_egress::token::{Called, Grant, Tokens};
use ringup_egress::{Egress, EgressPlan};
use ringup_testkit::receiver::{Answer, Gate, Receiver};
use ringup_testkit::token_server::TokenServer;

use crate::support::{egress, plan, request};

fn oauth(url: String) -> OAuth {
    OAuth { token_url: url, client_id: "till-7".to_owned(), client_secret: Secret::new("s3cret"), ..OAuth::default() }
}

fn grant(oauth: &OAuth) -> Grant {
    Tokens::default().grant(EndpointKey(1), AccountKey(1), oauth, &plan(), None)
}

#[track_caller]
fn delivered(outcome: &Outcome) {
    assert!(matches!(outcome, Outcome::Delivered(_)), "{outcome:?}");
}

#[tokio::test]
async fn one_token_serves_many_calls_also_at_once() {
    let server = TokenServer::start("till-7", "s3cret").await.unwrap();
    let receiver = Receiver::start(server.door()).await.unwrap();
    let (egress, grant) = (egress(), grant(&oauth(server.url())));
    let calls = join_all((0..20).map(|_| grant.call(&egress, request(&receiver.url("/"))))).await;
    calls.iter().for_each(|called| delivered(&called.outcome));
    for _ in 0..5 {
        delivered(&grant.call(&egress, request(&receiver.url("/"))).await.outcome);
    }
    assert_eq!((server.issued(), receiver.count()), (1, 25));
    let asked = &server.requests()[0];
    assert_eq!((asked.method.as_str(), asked.target.as_str()), ("POST", "/oauth/token"));
    assert_eq!(asked.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(asked.text(), "grant_type=client_credentials");
    assert!(asked.header("webhook-id").is_none(), "a token server is sent no event");
}

#[tokio::test]
async fn a_401_renews_the_token_once_and_sends_again() {
    let server = TokenServer::start("till-7", "s3cret").await.unwrap();
    let receiver = Receiver::start(server.door()).await.unwrap();
    let (egress, grant) = (egress(), grant(&oauth(server.url())));
    delivered(&grant.call(&egress, request(&receiver.url("/"))).await.outcome);
    server.revoke();
    let calls = join_all((0..8).map(|_| grant.call(&egress, request(&receiver.url("/"))))).await;
    calls.iter().for_each(|called| delivered(&called.outcome));
    assert_eq!(server.issued(), 2, "one new token for all who were refused");
    let statuses: Vec<_> = receiver.requests().iter().filter_map(|request| request.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 8);

    // A receiver that wants another token than this server's is asked twice, and not a third time.
    let stranger = Receiver::start(401).await.unwrap();
    let Called { outcome, .. } = grant.call(&egress, request(&stranger.url("/"))).await;
    assert_eq!((outcome.status(), stranger.count(), server.issued()), (Some(401), 2, 3));
}

#[tokio::test]
async fn a_token_that_is_over_soon_is_not_sent() {
    let server = TokenServer::start("till-7", "s3cret").await.unwrap();
    let receiver = Receiver::start(server.door()).await.unwrap();
    let (egress, grant) = (egress(), grant(&oauth(server.url())));
    server.expires_in(Some(0));
    for issued in 1..=3 {
        delivered(&grant.call(&egress, request(&receiver.url("/"))).await.outcome);
        assert_eq!(server.issued(), issued);
    }
    server.expires_in(None);
    for _ in 0..3 {
        delivered(&grant.call(&egress, request(&receiver.url("/"))).await.outcome);
    }
    assert_eq!(server.issued(), 4, "a token that says nothing is kept for a while");
}

#[tokio::test]
async fn credentials_go_where_they_are_wanted() {
    let server = TokenServer::start("till-7", "s3cret").await.unwrap();
    let egress = egress();
    let body = CredentialsIn::Body;
    for (oauth, expected) in [
        (
            OAuth { scope: Some("sales stock".to_owned()), ..oauth(server.url()) },
            "grant_type=client_credentials&scope=sales+stock",
        ),
        (
            OAuth { credentials: body, ..oauth(server.url()) },
            "grant_type=client_credentials&client_id=till-7&client_secret=s3cret",
        ),
        (
            OAuth { credentials: body, body: TokenBody::Json, ..oauth(server.url()) },
            r#"{"client_id":"till-7","client_secret":"s3cret","grant_type":"client_credentials"}"#,
        ),
        (
            OAuth {
                parameters: [("audience".to_owned(), Secret::new("https://erp.example/"))].into(),
                headers: [("x-shop".to_owned(), Secret::new("17"))].into(),
                ..oauth(server.url())
            },
            "grant_type=client_credentials&audience=https%3A%2F%2Ferp.example%2F",
        ),
    ] {
        let (fetched, _) = grant(&oauth).try_out(&egress).await;
        assert_eq!(fetched.map(|fetched| fetched.expires_in), Ok(Some(Duration::from_hours(1))));
        let asked = server.requests().pop().unwrap();
        assert_eq!(asked.text(), expected);
        assert_eq!(asked.header("authorization").is_some(), oauth.credentials == CredentialsIn::Header);
        assert_eq!(asked.header("x-shop").is_some(), !oauth.headers.is_empty());
    }
}

#[tokio::test]
async fn a_token_that_cannot_be_had_has_its_own_cause_and_nobody_is_called() {
    let server = TokenServer::start("till-7", "other").await.unwrap();
    let receiver = Receiver::start(200).await.unwrap();
    let egress = egress();
    let call = async |grant: &Grant| grant.call(&egress, request(&receiver.url("/"))).await.outcome;
    let refused = grant(&oauth(server.url()));
    let error = Some("invalid_client".to_owned());
    assert_eq!(call(&refused).await, Outcome::NoToken(NoToken::Refused { status: 401, error }));
    for (answer, expected) in [
        (Answer::status(503), NoToken::Refused { status: 503, error: None }),
        (Answer::status(302).header("location", "https://example.com/"), NoToken::Refused { status: 302, error: None }),
        (Answer::status(200).body("<html>please log in</html>"), NoToken::Unusable),
        (Answer::nothing(), NoToken::Unreachable(Cause::Reset)),
    ] {
        server.answer_instead(Some(answer));
        assert_eq!(call(&grant(&oauth(server.url()))).await, Outcome::NoToken(expected));
    }
    let inside = oauth("http://169.254.169.254/latest/".to_owned());
    assert_eq!(call(&grant(&inside)).await, Outcome::NoToken(NoToken::Blocked(BlockedBy::Address)));
    assert_eq!(receiver.count(), 0);
}

#[tokio::test]
async fn who_waited_for_a_token_in_vain_does_not_ask_again() {
    let server = TokenServer::start("till-7", "s3cret").await.unwrap();
    let receiver = Receiver::start(200).await.unwrap();
    let gate = Gate::closed();
    server.answer_instead(Some(Answer::status(500).gated(&gate)));
    let (egress, grant) = (Arc::new(egress()), Arc::new(grant(&oauth(server.url()))));
    let calls: Vec<_> = (0..10)
        .map(|_| {
            let (egress, grant, request) = (egress.clone(), grant.clone(), request(&receiver.url("/")));
            tokio::spawn(async move { grant.call(&*egress, request).await.outcome })
        })
        .collect();
    while server.requests().is_empty() {
        tokio::task::yield_now().await;
    }
    gate.open();
    for call in calls {
        let outcome = call.await.unwrap();
        assert_eq!(outcome, Outcome::NoToken(NoToken::Refused { status: 500, error: None }));
    }
    // All waited for the first, except those that only came after it had failed.
    assert!(server.requests().len() < 10, "{}", server.requests().len());
}

#[tokio::test]
async fn a_changed_configuration_gets_another_token_and_the_same_one_its_own() {
    let server = TokenServer::start("till-7", "s3cret").await.unwrap();
    let receiver = Receiver::start(server.door()).await.unwrap();
    let (egress, tokens) = (egress(), Tokens::default());
    let call = async |endpoint, oauth: &OAuth| {
        let grant = tokens.grant(EndpointKey(endpoint), AccountKey(1), oauth, &plan(), None);
        delivered(&grant.call(&egress, request(&receiver.url("/"))).await.outcome);
        server.issued()
    };
    let first = oauth(server.url());
    assert_eq!(call(1, &first).await, 1);
    assert_eq!(call(1, &first).await, 1);
    assert_eq!(call(1, &OAuth { scope: Some("x".to_owned()), ..first.clone() }).await, 2);
    assert_eq!(call(2, &first).await, 3, "no endpoint uses another one's token");
}

#[tokio::test]
async fn plain_http_to_a_token_server_follows_the_operators_rules() {
    let server = TokenServer::start("till-7", "s3cret").await.unwrap();
    let strict = EgressPlan { allow_http: false, ..plan() };
    let grant = Tokens::default().grant(EndpointKey(1), AccountKey(1), &oauth(server.url()), &strict, None);
    let (fetched, _) = grant.try_out(&Egress::new(strict).unwrap()).await;
    assert_eq!(fetched.err(), Some(NoToken::Blocked(BlockedBy::Scheme)));
    assert!(server.requests().is_empty());
}

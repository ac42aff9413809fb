//! An OAuth 2.0 token server, and the door that its tokens open.
//!
//! It knows one client and gives out tokens that are each good until they are revoked. Everything it is asked is recorded
//! like any other receiver's requests.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::receiver::{Answer, Received, Receiver, Script};

/// A token server on a loopback port. It ends when dropped.
#[derive(Debug)]
pub struct TokenServer {
    receiver: Receiver,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    client_id: String,
    client_secret: String,
    issued: Mutex<Issued>,
}

#[derive(Debug, Default)]
struct Issued {
    count: usize,
    /// What its tokens begin with, `token` unless said otherwise.
    prefix: Option<String>,
    /// The tokens that open the door now.
    good: Vec<String>,
    expires_in: Option<u64>,
    /// What it answers instead of a token.
    instead: Option<Answer>,
}

impl TokenServer {
    /// For one client.
    pub async fn start(client_id: &str, client_secret: &str) -> Result<Self> {
        let state = Arc::new(State {
            client_id: client_id.to_owned(),
            client_secret: client_secret.to_owned(),
            issued: Mutex::new(Issued { expires_in: Some(3_600), ..Issued::default() }),
        });
        let own = state.clone();
        let receiver = Receiver::start(Script::by(move |request| own.answer(request))).await?;
        Ok(Self { receiver, state })
    }

    /// The server-authentication URL.
    pub fn url(&self) -> String {
        self.receiver.url("/oauth/token")
    }

    /// What it was asked so far.
    pub fn requests(&self) -> Vec<Received> {
        self.receiver.requests()
    }

    /// How many tokens it gave out.
    pub fn issued(&self) -> usize {
        self.state.issued().count
    }

    /// No token that was given out opens the door any more; the next ones will.
    pub fn revoke(&self) {
        self.state.issued().good.clear();
    }

    /// What its tokens begin with from now on.
    pub fn prefix(&self, prefix: &str) {
        self.state.issued().prefix = Some(prefix.to_owned());
    }

    /// Seconds that tokens say they are good for; `None` leaves that out.
    pub fn expires_in(&self, seconds: Option<u64>) {
        self.state.issued().expires_in = seconds;
    }

    /// Answers this instead of a token, until told otherwise.
    pub fn answer_instead(&self, answer: Option<Answer>) {
        self.state.issued().instead = answer;
    }

    /// The script of a receiver that only lets in who brings a good token: 200, else 401.
    pub fn door(&self) -> Script {
        let state = self.state.clone();
        Script::by(move |request| {
            let brought = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
            let opens = brought.is_some_and(|token| state.issued().good.iter().any(|good| good == token));
            Answer::status(if opens { 200 } else { 401 })
        })
    }
}

impl State {
    fn issued(&self) -> MutexGuard<'_, Issued> {
        self.issued.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, request: &Received) -> Answer {
        let mut issued = self.issued();
        if let Some(answer) = &issued.instead {
            return answer.clone();
        }
        if !self.knows(request) {
            return Answer::status(401).body(r#"{"error":"invalid_client"}"#);
        }
        issued.count += 1;
        let token = format!("{}-{}", issued.prefix.as_deref().unwrap_or("token"), issued.count);
        let life = issued.expires_in.map_or_else(String::new, |life| format!(r#","expires_in":{life}"#));
        let body = format!(r#"{{"access_token":"{token}","token_type":"Bearer"{life}}}"#);
        issued.good.push(token);
        Answer::status(200).header("content-type", "application/json").body(body)
    }

    /// By the header, or by a form or JSON body of plain words.
    fn knows(&self, request: &Received) -> bool {
        let basic = format!("Basic {}", STANDARD.encode(format!("{}:{}", self.client_id, self.client_secret)));
        let body = request.text();
        let in_form = body.contains(&format!("client_id={}&client_secret={}", self.client_id, self.client_secret));
        let in_json = serde_json::from_str::<serde_json::Value>(&body).is_ok_and(|body| {
            body["client_id"] == self.client_id.as_str() && body["client_secret"] == self.client_secret.as_str()
        });
        let asks = body.contains("client_credentials");
        asks && (request.header("authorization") == Some(&basic) || in_form || in_json)
    }
}

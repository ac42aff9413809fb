//! Alerts by e-mail: an endpoint whose URL is `mailto:` is called by handing a letter to the operator's relay.
//!
//! It is an attempt like any other, so it is repeated, logged and limited like any other. The relay is the operator's own
//! and so not held against the guard; who it passes a letter on to is its affair.

mod letter;

use std::error::Error as _;
use std::fmt;
use std::io;
use std::str::FromStr;
use std::time::SystemTime;

use bytes::Bytes;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::{self, AsyncSmtpTransport};
use lettre::{Address, AsyncTransport as _, Tokio1Executor};
use percent_encoding::percent_decode_str;
use ringup_core::outcome::{Answer, Cause};
use ringup_core::time::Timestamp;
use rustls::pki_types::CertificateDer;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use crate::fault::Failure;
use crate::request::Request;

/// What an e-mail address begins with where a URL is expected.
pub const SCHEME: &str = "mailto:";

/// Longer addresses do not exist (RFC 5321 §4.5.3.1.3: a path has at most 256 characters).
const ADDRESS_BYTES_MAX: usize = 254;

/// A relay that answers with more than this says nothing of use in the rest.
const REPLY_BYTES_MAX: usize = 1_024;

/// Where letters are handed in.
#[derive(Clone)]
pub struct Relay {
    host: String,
    port: u16,
    security: Security,
    login: Option<(SecretString, SecretString)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Security {
    /// TLS from the first byte.
    Tls,
    /// STARTTLS, or nothing is sent.
    StartTls,
    Plain,
}

/// Why the text is no relay. Never quotes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RelayProblem {
    #[error("is not a URL")]
    Url,
    #[error("does not begin with smtps:// or smtp://")]
    Scheme,
    #[error("has no host")]
    Host,
    #[error("has a path, or a parameter other than tls=required")]
    More,
    #[error("has a user name without a password, or a password without a user name")]
    Login,
    #[error("would send the password unencrypted; write smtps://, or add ?tls=required")]
    Plain,
}

impl FromStr for Relay {
    type Err = RelayProblem;

    fn from_str(text: &str) -> Result<Relay, RelayProblem> {
        let url = Url::parse(text).map_err(|_| RelayProblem::Url)?;
        let security = match (url.scheme(), url.query()) {
            ("smtps", None) => Security::Tls,
            ("smtp", Some("tls=required")) => Security::StartTls,
            ("smtp", None) => Security::Plain,
            ("smtps" | "smtp", Some(_)) => return Err(RelayProblem::More),
            _ => return Err(RelayProblem::Scheme),
        };
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err(RelayProblem::More);
        }
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(RelayProblem::Host)?.to_owned();
        let decoded = |text: &str| SecretString::from(percent_decode_str(text).decode_utf8_lossy().into_owned());
        let login = match (url.username(), url.password()) {
            ("", None) => None,
            ("", Some(_)) | (_, None) => return Err(RelayProblem::Login),
            (user, Some(password)) => Some((decoded(user), decoded(password))),
        };
        if security == Security::Plain && login.is_some() {
            return Err(RelayProblem::Plain);
        }
        let port = url.port().unwrap_or(match security {
            Security::Tls => 465,
            Security::StartTls => 587,
            Security::Plain => 25,
        });
        Ok(Relay { host, port, security, login })
    }
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Relay({}:{}, {:?})", self.host, self.port, self.security)
    }
}

/// Who letters are from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sender(Mailbox);

impl FromStr for Sender {
    type Err = lettre::address::AddressError;

    fn from_str(text: &str) -> Result<Sender, Self::Err> {
        text.parse().map(Sender)
    }
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Who gets a letter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Recipient(Address);

impl Recipient {
    /// What follows `mailto:`: an address alone, without parameters. `None` for anything else.
    pub fn parse(rest: &str) -> Option<Recipient> {
        // Slashes at its begin are valid in an address, and meant as those of a URL.
        let is_plain =
            rest.len() <= ADDRESS_BYTES_MAX && !rest.contains(['%', '?', ',', '"', ' ']) && !rest.starts_with('/');
        rest.parse().ok().filter(|_| is_plain).map(Recipient)
    }
}

/// How letters are sent. A clone shares it.
#[derive(Clone)]
pub struct MailPlan {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    /// How links to the console begin.
    console: String,
}

impl fmt::Debug for MailPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailPlan").field("from", &self.from).finish_non_exhaustive()
    }
}

impl MailPlan {
    /// `roots` are trusted besides the authorities of the web.
    pub fn new(
        relay: &Relay,
        from: &Sender,
        console: String,
        roots: &[CertificateDer<'static>],
    ) -> Result<MailPlan, smtp::Error> {
        let parameters = || {
            let mut parameters = TlsParameters::builder(relay.host.clone());
            for root in roots {
                parameters = parameters.add_root_certificate(Certificate::from_der(root.to_vec())?);
            }
            parameters.build_rustls()
        };
        let tls = match relay.security {
            Security::Tls => Tls::Wrapper(parameters()?),
            Security::StartTls => Tls::Required(parameters()?),
            Security::Plain => Tls::None,
        };
        let builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(relay.host.as_str());
        // The attempt's own time limit ends it.
        let builder = builder.port(relay.port).tls(tls).timeout(None);
        let builder = match &relay.login {
            None => builder,
            Some((user, password)) => {
                let (user, password) = (user.expose_secret().to_owned(), password.expose_secret().to_owned());
                builder.credentials(Credentials::new(user, password))
            }
        };
        Ok(MailPlan { transport: builder.build(), from: from.0.clone(), console })
    }

    /// Hands the letter of an event to the relay. The status of the answer is the relay's own where it took the letter;
    /// 503 where it says that it may take it later, and 400 where it never will.
    pub(crate) async fn send(&self, to: &Recipient, request: &Request) -> Result<Answer, Failure> {
        let message = self.message(to, request).ok_or(Cause::Local)?;
        match self.transport.send(message).await {
            Ok(response) => {
                let lines: Vec<&str> = response.message().collect();
                Ok(answer(response.code().into(), &lines.join("\n")))
            }
            Err(error) => match error.status() {
                Some(_) if error.is_transient() => Ok(answer(503, &error.to_string())),
                Some(_) => Ok(answer(400, &error.to_string())),
                None => Err(cause(&error).into()),
            },
        }
    }

    fn message(&self, to: &Recipient, request: &Request) -> Option<Message> {
        let letter = letter::of(&request.webhook.event_type, &request.body, &self.console);
        let domain = self.from.email.domain();
        let message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to.0.clone()))
            .date(wall(request.now))
            .subject(letter.subject)
            .header(ContentType::TEXT_PLAIN)
            .body(letter.text);
        let written = message.inspect_err(|error| tracing::warn!(%error, "a letter cannot be written"));
        let mut message = written.ok()?;
        for (name, value) in [
            // The same at every attempt: who gets it twice can tell.
            ("Message-ID", format!("<{}@{domain}>", request.webhook.id)),
            // RFC 3834: nobody's absence is to be answered to it.
            ("Auto-Submitted", "auto-generated".to_owned()),
        ] {
            message.headers_mut().insert_raw(HeaderValue::new(HeaderName::new_from_ascii_str(name), value));
        }
        Some(message)
    }
}

fn wall(now: Timestamp) -> SystemTime {
    let since = u64::try_from(now.as_micros()).unwrap_or_default();
    SystemTime::UNIX_EPOCH + std::time::Duration::from_micros(since)
}

fn answer(status: u16, text: &str) -> Answer {
    let cut = text.floor_char_boundary(REPLY_BYTES_MAX);
    Answer { status, body: Bytes::copy_from_slice(&text.as_bytes()[..cut]), ..Answer::default() }
}

/// Why no answer came.
fn cause(error: &smtp::Error) -> Cause {
    if error.is_tls() {
        return Cause::Tls;
    }
    let mut source = error.source();
    while let Some(inner) = source {
        if let Some(io) = inner.downcast_ref::<io::Error>() {
            return match io.kind() {
                io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof => {
                    Cause::Reset
                }
                io::ErrorKind::InvalidData => Cause::Tls,
                _ if io.raw_os_error().is_some() => Cause::Refused,
                // What a name server says has no number.
                _ => Cause::Dns,
            };
        }
        source = inner.source();
    }
    if error.is_response() { Cause::Protocol } else { Cause::Reset }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relay_says_how_it_is_spoken_to() {
        for (text, expected) in [
            ("smtps://u:p@mail.example", "Relay(mail.example:465, Tls)"),
            ("smtp://u:p@mail.example?tls=required", "Relay(mail.example:587, StartTls)"),
            ("smtp://127.0.0.1:2525", "Relay(127.0.0.1:2525, Plain)"),
        ] {
            assert_eq!(format!("{:?}", text.parse::<Relay>().expect(text)), expected);
        }
        for (text, problem) in [
            ("mail.example", RelayProblem::Url),
            ("https://mail.example", RelayProblem::Scheme),
            ("smtp:///", RelayProblem::Host),
            ("smtps://mail.example/in", RelayProblem::More),
            ("smtp://mail.example?tls=never", RelayProblem::More),
            ("smtps://u@mail.example", RelayProblem::Login),
            ("smtp://u:hunter22@mail.example", RelayProblem::Plain),
        ] {
            assert_eq!(text.parse::<Relay>().map(|_| ()), Err(problem), "{text}");
        }
    }

    #[test]
    fn an_address_is_one_and_alone() {
        assert!(Recipient::parse("ops@shop.example").is_some());
        for text in
            ["", "ops", "a@b.example,c@d.example", "ops@shop.example?cc=x@y.example", "o%40x@shop.example", "a b@c.d"]
        {
            assert!(Recipient::parse(text).is_none(), "{text}");
        }
        assert!(Recipient::parse(&format!("{}@shop.example", "x".repeat(300))).is_none());
    }
}

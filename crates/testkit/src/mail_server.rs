//! A mail relay that keeps what it is handed, or refuses it with words of its own.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Speaks as much of RFC 5321 as a client needs, without TLS. It ends when dropped.
#[derive(Debug)]
pub struct MailServer {
    address: SocketAddr,
    state: Arc<State>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct State {
    letters: Mutex<Vec<Letter>>,
    /// What it says to the next recipients instead of taking them.
    refusals: Mutex<VecDeque<String>>,
}

/// As it came: the envelope, and the lines with their headers.
#[derive(Clone, Debug, Default)]
pub struct Letter {
    pub from: String,
    pub to: Vec<String>,
    pub text: String,
}

impl Letter {
    /// What a reader sees below the headers: lines that were broken for the way are whole again (RFC 2045 §6.7), as far as
    /// the text is ASCII.
    pub fn body(&self) -> String {
        let body = self.text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        match self.header("Content-Transfer-Encoding") {
            Some("quoted-printable") => body.replace("=\r\n", "").replace("=3D", "="),
            _ => body.to_owned(),
        }
    }

    /// The value of a header that is not folded.
    pub fn header(&self, name: &str) -> Option<&str> {
        let head = self.text.split("\r\n\r\n").next()?;
        head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

impl MailServer {
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let state = Arc::new(State::default());
        let own = state.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let own = own.clone();
                tokio::spawn(async move { drop(own.serve(stream).await) });
            }
        });
        Ok(Self { address, state, task })
    }

    /// As `smtp.url` wants it.
    pub fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    /// What it was handed, in order.
    pub fn letters(&self) -> Vec<Letter> {
        self.state.letters.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Answers the next recipient with this line, such as `451 later`.
    pub fn refuse(&self, line: &str) {
        self.state.refusals.lock().unwrap_or_else(PoisonError::into_inner).push_back(line.to_owned());
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl State {
    async fn serve(&self, stream: TcpStream) -> Result<()> {
        let mut stream = BufReader::new(stream);
        stream.write_all(b"220 relay.example ready\r\n").await?;
        let (mut letter, mut line) = (Letter::default(), String::new());
        loop {
            line.clear();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            let said = line.trim_end();
            let answer = match said.split(' ').next().unwrap_or_default().to_ascii_uppercase().as_str() {
                "EHLO" => "250-relay.example\r\n250 8BITMIME".to_owned(),
                "MAIL" => {
                    letter.from = said.to_owned();
                    "250 fine".to_owned()
                }
                "RCPT" => {
                    let refusal = self.refusals.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                    if refusal.is_none() {
                        letter.to.push(said.to_owned());
                    }
                    refusal.unwrap_or_else(|| "250 fine".to_owned())
                }
                "DATA" => {
                    stream.write_all(b"354 go on\r\n").await?;
                    letter.text = body(&mut stream).await?;
                    let mut letters = self.letters.lock().unwrap_or_else(PoisonError::into_inner);
                    letters.push(std::mem::take(&mut letter));
                    format!("250 2.0.0 queued as {}", letters.len())
                }
                "QUIT" => "221 bye".to_owned(),
                "RSET" | "NOOP" => "250 fine".to_owned(),
                _ => "502 what?".to_owned(),
            };
            stream.write_all(format!("{answer}\r\n").as_bytes()).await?;
        }
    }
}

/// Lines up to a lone dot; a dot that was doubled is one again.
async fn body(stream: &mut BufReader<TcpStream>) -> Result<String> {
    let (mut text, mut line) = (String::new(), String::new());
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 || line == ".\r\n" {
            return Ok(text);
        }
        text.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}

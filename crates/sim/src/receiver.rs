//! Other people's servers: how they answer, and the network between.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use ringup_core::outcome::{Answer, Cause, Outcome, Phase};
use ringup_core::timing::Timing;
use ringup_egress::{Caller, Question, Reply, Request};
use tokio::time::{Instant, sleep, timeout};

use crate::dice::Dice;
use crate::world::{World, lock, receiver_of};

/// How a receiver behaves for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// Answers 200 within these times.
    Well { fast: Duration, slow: Duration },
    /// Answers this status to so many requests in a hundred, 200 to the others.
    Status { status: u16, percent: u64, retry_after: Option<u64> },
    /// Takes the request and never answers.
    Silent,
    /// No answer, and quickly so.
    Unreachable(Cause),
    /// Breaks off after it has taken the request.
    BreaksOff,
}

/// A receiver's moods, one after the other.
#[derive(Clone, Debug)]
pub struct Behaviour {
    /// Each until a time since the world began.
    pub phases: Vec<(Duration, Mood)>,
    /// Afterwards, for good.
    pub finally: Mood,
}

/// The network as the process sees it.
pub struct Network {
    pub world: Arc<World>,
}

impl Mood {
    pub const WELL: Mood = Mood::Well { fast: Duration::from_millis(2), slow: Duration::from_millis(40) };

    /// Always this status.
    pub const fn status(status: u16) -> Mood {
        Mood::Status { status, percent: 100, retry_after: None }
    }

    pub fn is_well(self) -> bool {
        matches!(self, Mood::Well { .. })
    }
}

impl Behaviour {
    pub fn always(mood: Mood) -> Behaviour {
        Behaviour { phases: Vec::new(), finally: mood }
    }

    /// One mood until then, another one afterwards.
    pub fn until(at: Duration, mood: Mood, finally: Mood) -> Behaviour {
        Behaviour { phases: vec![(at, mood)], finally }
    }

    /// The mood at a time since the world began.
    pub fn at(&self, elapsed: Duration) -> Mood {
        self.phases.iter().find(|(until, _)| elapsed < *until).map_or(self.finally, |(_, mood)| *mood)
    }

    pub fn is_always_well(&self) -> bool {
        self.finally.is_well() && self.phases.iter().all(|(_, mood)| mood.is_well())
    }
}

impl Caller for Network {
    fn call(&self, request: Request) -> Pin<Box<dyn Future<Output = Reply> + Send + '_>> {
        Box::pin(async move {
            let began = Instant::now();
            let at = self.world.begin_call(&request);
            let mut cut = Cut { world: &self.world, at: Some(at) };
            let exchange = self.exchange(receiver_of(request.url.as_str()));
            let outcome = timeout(request.time_limit, exchange).await.unwrap_or(Outcome::TimedOut(Phase::Wait));
            cut.at = None;
            self.world.answer_call(at, &outcome);
            Reply { outcome, duration: began.elapsed(), timing: Timing::default(), remote: None, reused: false }
        })
    }

    /// Nobody in this world asks for tokens, and there is nobody to give them.
    fn ask(&self, _: Question) -> Pin<Box<dyn Future<Output = Reply> + Send + '_>> {
        let outcome = Outcome::Unreachable(Cause::Refused);
        let reply = Reply { outcome, duration: Duration::ZERO, timing: Timing::default(), remote: None, reused: false };
        Box::pin(std::future::ready(reply))
    }
}

impl Network {
    async fn exchange(&self, receiver: usize) -> Outcome {
        let (there, back) = self.draw(|dice| {
            let spread = (Duration::ZERO, Duration::from_millis(5));
            (dice.span(spread.0, spread.1), dice.span(spread.0, spread.1))
        });
        sleep(there).await;
        let mood = self.world.mix.endpoints[receiver].behaviour.at(self.world.time.elapsed());
        let outcome = match mood {
            Mood::Well { fast, slow } => {
                sleep(self.draw(|dice| dice.span(fast, slow))).await;
                answered(200, None)
            }
            Mood::Status { status, percent, retry_after } if self.draw(|dice| dice.chance(percent)) => {
                answered(status, retry_after)
            }
            Mood::Status { .. } => answered(200, None),
            Mood::Silent => std::future::pending().await,
            Mood::Unreachable(cause) => return Outcome::Unreachable(cause),
            Mood::BreaksOff => Outcome::Unreachable(Cause::Reset),
        };
        sleep(back).await;
        outcome
    }

    fn draw<T>(&self, draw: impl FnOnce(&mut Dice) -> T) -> T {
        draw(&mut lock(&self.world.network))
    }
}

fn answered(status: u16, retry_after: Option<u64>) -> Outcome {
    Outcome::answered(Answer { status, retry_after: retry_after.map(|secs| secs.to_string()), ..Answer::default() })
}

/// Notices when a call is dropped before its answer.
struct Cut<'a> {
    world: &'a World,
    at: Option<usize>,
}

impl Drop for Cut<'_> {
    fn drop(&mut self) {
        if let Some(at) = self.at
            && self.world.is_alive()
        {
            self.world.drop_call(at);
        }
    }
}

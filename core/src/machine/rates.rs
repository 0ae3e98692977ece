//! How fast frameworks may send commands, by the principal of their session.
//!
//! One token per command that is accepted, as many at once as the bucket holds, and one more after
//! each interval. All that is kept of a bucket is when it will be full again (the generic cell rate
//! algorithm), so nothing has to be done as time goes by. A rejected command takes no token: it
//! changes nothing, and that includes this.

use super::Machine;
use crate::command::{Command, Envelope, SessionKind};
use crate::error::{Code, Rejection, shorten};
use crate::options::FrameworkRateLimit;
use crate::time::{Nanos, Time};

/// A token that is there: of which bucket, and when that is full again without it.
#[derive(Clone, Copy)]
pub(super) struct Token(u32, Time);

impl Machine<'_> {
    /// Looks for a token for the command; none is needed where there is no limit.
    pub(super) fn find_token(&self, envelope: &Envelope) -> Result<Option<Token>, Rejection> {
        if self.state.options.framework_rate_limits.is_empty() {
            return Ok(None);
        }
        // Letting time go on is nobody's doing, and whoever goes should be let go.
        if let Command::Tick(_) | Command::AdvanceTime(_) | Command::CloseSession(_) =
            envelope.command
        {
            return Ok(None);
        }
        let session = envelope.session.and_then(|id| self.state.sessions.get(id));
        let session = session.filter(|session| session.kind == SessionKind::Framework);
        let Some(principal) = session.and_then(|session| session.principal.as_deref()) else {
            return Ok(None);
        };
        let Some((bucket, limit)) = self.limit_of(principal) else { return Ok(None) };
        let Some(rate) = limit.rate else { return Ok(None) };
        let (now, interval) = (self.state.now, rate.interval());
        let full = self.state.work.rates.get(&bucket).copied().unwrap_or(now).max(now);
        let most = interval.0.saturating_mul(i64::from(limit.burst - 1));
        let lacks = Nanos(full.since(now).0.saturating_sub(most));
        if lacks > Nanos::ZERO {
            let text = format!(
                "frameworks of principal {:?} may send {} commands in {} s, {} at once: try again \
                 in {lacks} s",
                shorten(principal),
                rate.count,
                rate.seconds,
                limit.burst
            );
            return Err(Rejection::new(Code::LimitReached, text).at("session"));
        }
        Ok(Some(Token(bucket, full.plus(interval))))
    }

    pub(super) fn take_token(&mut self, token: Option<Token>) {
        if let Some(Token(bucket, full)) = token {
            self.state.work.rates.insert(bucket, full);
        }
    }

    /// The limit of a principal, or else that of all who have none of their own together.
    fn limit_of(&self, principal: &str) -> Option<(u32, &FrameworkRateLimit)> {
        let limits = || (0..).zip(&self.state.options.framework_rate_limits);
        let own = limits().find(|(_, limit)| limit.principal.as_deref() == Some(principal));
        own.or_else(|| limits().find(|(_, limit)| limit.principal.is_none()))
    }
}

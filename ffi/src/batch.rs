//! Flags and results of batches.

use tamias_core::kernel::Batch;
use tamias_core::reply::Reply;
use tamias_core::{Code, Command, Rejection};

use crate::boundary::{Outcome, bad_struct};
use crate::error::status;
use crate::session::Session;

/// All or nothing: if one item is rejected, nothing is done and the function returns its status.
/// Each item is tried on a copy of the state first, which costs about as much as doing it.
pub const TAMIAS_BATCH_ATOMIC: u32 = 1;
/// Each item by itself: the function returns TAMIAS_OK, and the status of each item is in its
/// result, for which there must be room.
pub const TAMIAS_BATCH_BEST_EFFORT: u32 = 2;

/// The update was reported before: nothing changed.
pub const TAMIAS_RESULT_DUPLICATE: u32 = 1;
/// The update goes backwards, such as from running to starting: taken, but suspicious.
pub const TAMIAS_RESULT_REGRESSION: u32 = 2;

/// What became of one item of a batch. It never grows. Of a batch under TAMIAS_BATCH_ATOMIC that
/// was rejected, the results stay as they were.
///
/// Externally synchronised.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct ItemResult {
    /// TAMIAS_OK or one of TAMIAS_ERR_...
    pub status: i32,
    /// TAMIAS_RESULT_... flags.
    pub flags: u32,
}

impl ItemResult {
    fn of(result: &Result<Reply, Rejection>) -> Self {
        match result {
            Ok(Reply::Updated { duplicate, regression }) => {
                let duplicate = if *duplicate { TAMIAS_RESULT_DUPLICATE } else { 0 };
                let regression = if *regression { TAMIAS_RESULT_REGRESSION } else { 0 };
                Self { status: 0, flags: duplicate | regression }
            }
            Ok(_) => Self { status: 0, flags: 0 },
            Err(rejection) => Self { status: status(rejection.code()), flags: 0 },
        }
    }
}

/// Sends one command for each item, under one lock.
pub(crate) fn send(
    session: &Session,
    commands: Vec<Command>,
    flags: u32,
    results: Option<&mut [ItemResult]>,
    items: &str,
) -> Outcome {
    let batch = match flags {
        TAMIAS_BATCH_ATOMIC => Batch::Atomic,
        TAMIAS_BATCH_BEST_EFFORT if results.is_none() && !commands.is_empty() => {
            let text = "is NULL: TAMIAS_BATCH_BEST_EFFORT needs a result for each item";
            return Err(bad_struct("results", text));
        }
        TAMIAS_BATCH_BEST_EFFORT => Batch::BestEffort,
        _ => {
            let text = format!(
                "{flags} is neither TAMIAS_BATCH_ATOMIC nor TAMIAS_BATCH_BEST_EFFORT: say which"
            );
            return Err(bad_struct("flags", text));
        }
    };
    let outcomes =
        session.core().call_batch(commands, batch).map_err(|rejection| {
            match rejection.list_index() {
                Some(index) => rejection.within(&format!("{items}[{index}]")),
                None => rejection,
            }
        })?;
    for (place, outcome) in results.into_iter().flatten().zip(&outcomes) {
        *place = ItemResult::of(outcome);
    }
    // In an atomic batch that was tried out, only the journal or a defect can still say no.
    let failed = outcomes.into_iter().enumerate().find(|(_, outcome)| outcome.is_err());
    match (batch, failed) {
        (Batch::Atomic, Some((index, Err(rejection)))) => {
            Err(rejection.within(&format!("{items}[{index}]")).index(index))
        }
        _ => Ok(()),
    }
}

/// The reply to a command that gives nothing else than that it is done.
pub(crate) fn done(reply: &Reply) -> Outcome {
    match reply {
        Reply::Done => Ok(()),
        _ => Err(Rejection::new(Code::Defect, "an unexpected reply")),
    }
}

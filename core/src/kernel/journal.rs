//! The journal of a kernel that is in use: the file, its lock, its buffer, its flushes.
//!
//! Order of work for a command: [`prepare`](JournalFile::prepare) encodes it and makes sure that
//! there is room, then the state is changed, then [`commit`](JournalFile::commit) puts the bytes
//! into the buffer, which cannot fail. A command that turns out to be rejected, or a tick that
//! changes nothing, is simply not committed. Nothing of this touches the disk; that is
//! [`flush`](JournalFile::flush), which the shell calls outside of its hot path or, under
//! [`Durability::Sync`], before a reply is given.
//!
//! One process owns a journal at a time: the file is locked (`flock`) while it is open, and each
//! opening raises the epoch. A failed fsync ends the journal for good: after it nobody knows what
//! is on the disk (<https://lwn.net/Articles/752063/>).
//!
//! Files: the journal at `PATH`; if it stands on a snapshot of seq N, that is `PATH.N.snapshot`.
//! A new journal is written to `PATH.new` and renamed, so that it is never seen without its first
//! record.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Seek as _};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::codec::journal::journal_header;
use crate::codec::record::{self, Base, HASH_RECORD_BYTES_MAX, Open, Record, StateHash};
use crate::codec::{JournalError, JournalReader, Replay, Replayed, files, snapshot_file};
use crate::command::Envelope;
use crate::error::{Code, Rejection};
use crate::limits::RECORD_BYTES_MAX;
use crate::options::Options;
use crate::state::{STATE_FORMAT, State};
use crate::time::Time;

/// A state hash is written after that many commands, so that a replay that differs is found near
/// its cause.
const HASH_EVERY: u64 = 4096;

/// [`JournalFile::settle`] writes an `async` buffer to the file from that many bytes on.
const WRITE_FROM: usize = 64 * 1024;

/// A record of `advance_time`, generously.
const STEP_OF_TIME_BYTES_MAX: usize = 256;

/// The least buffer: one record of any size, and the hash after it.
const BUFFER_MIN: usize = RECORD_BYTES_MAX + record::FRAME_BYTES + HASH_RECORD_BYTES_MAX;

/// When a command counts as done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Durability {
    /// When it was applied; it reaches the disk later, see [`JournalFile::durable_seq`].
    #[default]
    Async,
    /// When it is on the disk.
    Sync,
}

/// How a journal is opened.
#[derive(Debug, Clone)]
pub struct JournalOptions {
    /// Options of the kernel if the journal is new; an existing journal keeps its own.
    pub options: Options,
    /// The time now, for a new journal.
    pub now: Time,
    /// When a command counts as done.
    pub durability: Durability,
    /// Bytes of the buffer in memory; at least one record of 1 MiB fits in any case.
    pub buffer_bytes: usize,
    /// Opens the journal as it was after that command. What came later is cut off; the journal as
    /// it was is kept beside it as `PATH.before-EPOCH`.
    pub until: Option<u64>,
}

impl JournalOptions {
    /// A journal with a buffer of 8 MiB.
    #[must_use]
    pub const fn new(options: Options, now: Time) -> Self {
        let durability = Durability::Async;
        Self { options, now, durability, buffer_bytes: 8 * 1024 * 1024, until: None }
    }
}

/// An opened journal and what it holds.
#[derive(Debug)]
pub struct OpenedJournal {
    /// To append to.
    pub journal: JournalFile,
    /// The state at its end.
    pub state: State,
    /// Whether the journal is new.
    pub created: bool,
    /// What a person should know, one line each: a torn end was cut off, options differ.
    pub warnings: Vec<String>,
}

/// A journal open for writing; see the module text.
#[derive(Debug)]
pub struct JournalFile {
    path: PathBuf,
    file: File,
    durability: Durability,
    capacity: usize,
    epoch: u64,
    base: Option<Base>,
    /// Where `pending` goes in the file.
    end: u64,
    /// Records not yet written.
    pending: Vec<u8>,
    /// The command prepared last, until it is committed.
    prepared: Vec<u8>,
    /// The last command committed, written to the file, and on the disk.
    seq: u64,
    written_seq: u64,
    durable_seq: u64,
    /// Whether something was written since the last sync.
    unsynced: bool,
    /// Commands since the last hash.
    unhashed: u64,
    failed: Option<Rejection>,
}

impl JournalFile {
    /// Opens the journal at `path`, or makes it.
    ///
    /// An existing one is replayed; a torn end is cut off with a warning. The sessions of its last
    /// owner are still open in the state: the caller appends and applies `restart`.
    ///
    /// Errors: [`Code::JournalLocked`] if another process (or this one) has it open;
    /// [`Code::Corrupt`], [`Code::NewerVersion`], [`Code::Defect`] as [`JournalError`] says;
    /// [`Code::System`].
    pub fn open(path: &Path, wanted: &JournalOptions) -> Result<OpenedJournal, Rejection> {
        wanted.options.check()?;
        let file = lock_file(path)?;
        let length = file.metadata().map_err(|e| system("read", path, &e))?.len();
        if length == 0 {
            return create(path, wanted, file);
        }
        let mut replayed = replay_path(path, wanted.until)?;
        if replayed.cut_short {
            set_aside(path, &mut replayed)?;
        }
        if replayed.cut_short || replayed.torn.is_some() {
            file.set_len(replayed.end).map_err(|e| system("cut", path, &e))?;
        }
        if *replayed.state.options() != wanted.options {
            let text = "the journal keeps the options it was made with, not those given now";
            replayed.warnings.push(text.into());
        }
        let mut journal = Self::on(path, file, wanted, &replayed.state);
        journal.epoch = replayed.epoch + 1;
        journal.base = replayed.base;
        journal.end = replayed.end;
        journal.unhashed = replayed.unhashed;
        open_record(&replayed.state, journal.epoch, None).append_to(&mut journal.pending)?;
        journal.flush(true)?;
        let Replayed { state, warnings, .. } = replayed;
        Ok(OpenedJournal { journal, state, created: false, warnings })
    }

    fn on(path: &Path, file: File, wanted: &JournalOptions, state: &State) -> Self {
        Self {
            path: path.to_owned(),
            file,
            durability: wanted.durability,
            capacity: wanted.buffer_bytes.max(BUFFER_MIN),
            epoch: 1,
            base: None,
            end: 0,
            pending: Vec::new(),
            prepared: Vec::new(),
            seq: state.seq(),
            written_seq: state.seq(),
            durable_seq: state.seq(),
            unsynced: false,
            unhashed: 0,
            failed: None,
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Rises at each opening.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// When a command counts as done.
    pub fn durability(&self) -> Durability {
        self.durability
    }

    /// The last command that is on the disk.
    pub fn durable_seq(&self) -> u64 {
        self.durable_seq
    }

    /// Bytes that wait in memory.
    pub fn pending_bytes(&self) -> usize {
        self.pending.len()
    }

    /// Whether a record of that many payload bytes fits into the buffer now.
    pub fn has_room_for(&self, bytes: usize) -> bool {
        let needed = bytes + record::FRAME_BYTES + HASH_RECORD_BYTES_MAX;
        self.pending.len() + needed <= self.capacity
    }

    /// Encodes the next command and makes sure that there is room for it. Nothing is kept unless
    /// [`commit`](Self::commit) follows; another `prepare` takes its place.
    ///
    /// Errors: [`Code::LimitReached`] over 1 MiB, [`Code::JournalFull`] until the next flush,
    /// [`Code::JournalFailed`] for good.
    pub fn prepare(
        &mut self,
        principal: Option<&str>,
        envelope: &Envelope,
    ) -> Result<(), Rejection> {
        self.check()?;
        self.prepared.clear();
        let (epoch, seq) = (self.epoch, self.seq + 1);
        record::append_command(&mut self.prepared, epoch, seq, principal, envelope)?;
        let payload = self.prepared.len() - record::FRAME_BYTES;
        if self.has_room_for(payload) {
            return Ok(());
        }
        self.prepared.clear();
        let text = format!(
            "the journal's buffer of {} bytes is full: flush it and send the command again",
            self.capacity
        );
        Err(Rejection::new(Code::JournalFull, text))
    }

    /// The same, and makes room by writing to the file where that is needed.
    pub fn prepare_with_room(
        &mut self,
        principal: Option<&str>,
        envelope: &Envelope,
    ) -> Result<(), Rejection> {
        match self.prepare(principal, envelope) {
            Err(full) if full.code() == Code::JournalFull && self.flush(false).is_ok() => {
                self.prepare(principal, envelope)
            }
            prepared => prepared,
        }
    }

    /// Makes sure that all these commands can be prepared and committed one after the other,
    /// together with a step of time before them.
    ///
    /// Errors: as [`prepare`](Self::prepare), with the index of the command; nothing is kept.
    pub fn make_room_for(
        &mut self,
        principal: Option<&str>,
        envelopes: &[Envelope],
    ) -> Result<(), Rejection> {
        self.check()?;
        let hashes = 2 + envelopes.len() as u64 / HASH_EVERY;
        let mut needed = STEP_OF_TIME_BYTES_MAX
            + HASH_RECORD_BYTES_MAX * usize::try_from(hashes).unwrap_or(usize::MAX);
        self.prepared.clear();
        for (index, envelope) in envelopes.iter().enumerate() {
            // The widest number: the true one may take fewer bytes.
            let (out, seq) = (&mut self.prepared, u64::MAX);
            record::append_command(out, self.epoch, seq, principal, envelope)
                .map_err(|rejection| rejection.index(index))?;
            needed += out.len();
            out.clear();
        }
        if needed > self.capacity {
            let text = format!(
                "the batch takes {needed} bytes in the journal, whose buffer has {}: split it",
                self.capacity
            );
            return Err(Rejection::new(Code::LimitReached, text));
        }
        if self.pending.len() + needed > self.capacity {
            self.flush(false)?;
        }
        Ok(())
    }

    /// Appends the prepared command, which `state` includes now; every so often the state's hash
    /// too. Without a prepared command it does nothing.
    pub fn commit(&mut self, state: &State) {
        if self.prepared.is_empty() {
            return;
        }
        debug_assert_eq!(state.seq(), self.seq + 1, "one command at a time");
        self.pending.append(&mut self.prepared);
        self.seq += 1;
        self.unhashed += 1;
        if self.unhashed >= HASH_EVERY {
            self.append_hash(state);
        }
    }

    /// What [`Durability`] asks for after commands were committed and before replies are given:
    /// under `sync` they are on the disk when it returns.
    pub fn settle(&mut self) -> Result<(), Rejection> {
        match self.durability {
            Durability::Sync => self.flush(true),
            Durability::Async if self.pending.len() >= WRITE_FROM => self.flush(false),
            Durability::Async => Ok(()),
        }
    }

    /// Writes the buffer to the file; with `sync` it is on the disk when it returns.
    ///
    /// Errors: [`Code::System`] if it could not be written, for example on a full disk: the buffer
    /// is kept and the next flush tries again. [`Code::JournalFailed`] if it could not be synced:
    /// that is for good.
    pub fn flush(&mut self, sync: bool) -> Result<(), Rejection> {
        self.check()?;
        if !self.pending.is_empty() {
            // At a fixed place, so that a repeated try overwrites what a failed one left.
            let written = self.file.write_all_at(&self.pending, self.end);
            written.map_err(|e| system("write", &self.path, &e))?;
            self.end += self.pending.len() as u64;
            self.pending.clear();
            (self.written_seq, self.unsynced) = (self.seq, true);
        }
        if sync && self.unsynced {
            let synced = self.file.sync_data();
            synced.map_err(|error| self.fail("sync", &error))?;
            (self.durable_seq, self.unsynced) = (self.written_seq, false);
        }
        Ok(())
    }

    /// Writes a snapshot of `state`, which is that after the last committed command, and starts a
    /// fresh journal that stands on it. The old journal and its snapshot are gone afterwards.
    ///
    /// Errors: [`Code::System`]; the old journal is then still in use. [`Code::JournalFailed`] if
    /// it is uncertain which one is on the disk.
    pub fn compact(&mut self, state: &State) -> Result<(), Rejection> {
        if state.seq() != self.seq {
            let (have, last) = (state.seq(), self.seq);
            let text = format!("the state is of seq {have}, the journal ends at seq {last}");
            return Err(Rejection::new(Code::FailedPrecondition, text));
        }
        self.flush(true)?;
        let base = Base { seq: self.seq, hash: state.hash() };
        let snapshot = snapshot_path(&self.path, base.seq);
        snapshot_file::write(&snapshot, state).map_err(|e| system("write", &snapshot, &e))?;
        let bytes = first_bytes(state, self.epoch + 1, Some(base))?;
        let file = files::write_beside(&self.path, &bytes)
            .and_then(|file| lock(&file).map(|()| file))
            .map_err(|e| system("write", &self.path, &e))?;
        files::put_in_place(&self.path).map_err(|e| system("replace", &self.path, &e))?;
        self.file = file;
        self.epoch += 1;
        self.end = bytes.len() as u64;
        self.unhashed = 0;
        let old = self.base.replace(base);
        if let Err(error) = files::sync_folder(&self.path) {
            return Err(self.fail("sync the folder of", &error));
        }
        if let Some(old) = old.filter(|old| old.seq != base.seq) {
            // What is left behind is only a file too many.
            let _ = std::fs::remove_file(snapshot_path(&self.path, old.seq));
        }
        Ok(())
    }

    /// Ends the journal in order: writes the hash of the last state and has all on the disk.
    pub fn close(mut self, state: &State) -> Result<(), Rejection> {
        self.check()?;
        if self.unhashed > 0 && state.seq() == self.seq {
            self.append_hash(state);
        }
        self.flush(true)
    }

    fn append_hash(&mut self, state: &State) {
        let hash = Record::Hash(StateHash { seq: self.seq, hash: state.hash() });
        // A record of 64 bytes is under any limit, and `prepare` kept room for it.
        let appended = hash.append_to(&mut self.pending);
        debug_assert!(appended.is_ok());
        self.unhashed = 0;
    }

    /// Writes elsewhere from now on, so that tests can see a write fail.
    #[cfg(test)]
    pub(crate) fn exchange_file(&mut self, file: File) -> File {
        std::mem::replace(&mut self.file, file)
    }

    fn check(&self) -> Result<(), Rejection> {
        self.failed.clone().map_or(Ok(()), Err)
    }

    fn fail(&mut self, verb: &str, error: &io::Error) -> Rejection {
        let text = format!(
            "cannot {verb} the journal {}: {error}; what is on the disk is uncertain, so it takes \
             nothing more: open it again",
            self.path.display()
        );
        let failure = Rejection::new(Code::JournalFailed, text);
        self.failed = Some(failure.clone());
        failure
    }
}

/// Replays the journal at `path` without locking or changing it, the snapshot on which it stands
/// included. Commands after `until` are left out.
pub fn replay_path(path: &Path, until: Option<u64>) -> Result<Replayed, Rejection> {
    let mut replay = replay_steps(path, until)?;
    let replayed = loop {
        match replay.step() {
            Ok(Some(_)) => {}
            Ok(None) => break replay.finish(),
            Err(error) => break Err(error),
        }
    };
    replayed.map_err(|e| in_file(path, &e))
}

/// The same record by record, for those who want to see each reply and event.
pub fn replay_steps(path: &Path, until: Option<u64>) -> Result<Replay<BufReader<File>>, Rejection> {
    let mut file = File::open(path).map_err(|e| system("open", path, &e))?;
    let base = base_of(path, &file)?;
    file.rewind().map_err(|e| system("read", path, &e))?;
    Replay::new(BufReader::new(file), base, until).map_err(|e| in_file(path, &e))
}

/// Where the snapshot of seq `seq` of the journal at `path` is.
#[must_use]
pub fn snapshot_path(path: &Path, seq: u64) -> PathBuf {
    files::beside(path, &format!(".{seq}.snapshot"))
}

/// The state of the snapshot on which the journal at `path` stands, if it stands on one.
fn base_of(path: &Path, file: &File) -> Result<Option<State>, Rejection> {
    let mut reader = JournalReader::new(file).map_err(|e| in_file(path, &e))?;
    // What is wrong with the first record is said by the replay.
    let Ok(Some(entry)) = reader.next_entry() else { return Ok(None) };
    let Record::Open(Open { base: Some(base), .. }) = entry.record else { return Ok(None) };
    let snapshot = snapshot_path(path, base.seq);
    snapshot_file::read(&snapshot).map(Some).map_err(|e| in_file(&snapshot, &e))
}

/// Makes a journal in the place of the empty file that `lock_file` has locked.
fn create(path: &Path, wanted: &JournalOptions, empty: File) -> Result<OpenedJournal, Rejection> {
    if let Some(seq) = wanted.until.filter(|seq| *seq > 0) {
        let text = format!("the journal {} is empty: there is no seq {seq}", path.display());
        return Err(Rejection::new(Code::Corrupt, text));
    }
    let state = State::new(wanted.options.clone(), wanted.now);
    let bytes = first_bytes(&state, 1, None)?;
    let made = files::write_beside(path, &bytes)
        .and_then(|file| lock(&file).map(|()| file))
        .and_then(|file| files::put_in_place(path).map(|()| file))
        .and_then(|file| files::sync_folder(path).map(|()| file));
    let file = made.map_err(|e| system("create", path, &e))?;
    drop(empty);
    let mut journal = JournalFile::on(path, file, wanted, &state);
    journal.end = bytes.len() as u64;
    Ok(OpenedJournal { journal, state, created: true, warnings: Vec::new() })
}

/// Keeps a copy of a journal that is about to be cut short.
fn set_aside(path: &Path, replayed: &mut Replayed) -> Result<(), Rejection> {
    let copy = files::beside(path, &format!(".before-{}", replayed.epoch + 1));
    let kept = std::fs::copy(path, &copy)
        .and_then(|_| File::open(&copy)?.sync_all())
        .and_then(|()| files::sync_folder(&copy));
    kept.map_err(|e| system("copy", path, &e))?;
    replayed.warnings.push(format!(
        "everything after seq {} was cut off; the journal as it was is {}",
        replayed.state.seq(),
        copy.display()
    ));
    Ok(())
}

/// Header and first record.
fn first_bytes(state: &State, epoch: u64, base: Option<Base>) -> Result<Vec<u8>, Rejection> {
    let mut bytes = journal_header().to_vec();
    open_record(state, epoch, base).append_to(&mut bytes)?;
    Ok(bytes)
}

fn open_record(state: &State, epoch: u64, base: Option<Base>) -> Record {
    Record::Open(Open {
        format: STATE_FORMAT,
        epoch,
        options: state.options().clone(),
        started: state.started,
        library: env!("CARGO_PKG_VERSION").into(),
        base,
    })
}

/// Opens the file at `path`, made if it is not there, and locks it.
fn lock_file(path: &Path) -> Result<File, Rejection> {
    loop {
        let mut options = OpenOptions::new();
        let opened = options.read(true).write(true).create(true).truncate(false).open(path);
        let file = opened.map_err(|e| system("open", path, &e))?;
        match lock(&file) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Err(locked(path, &file));
            }
            Err(error) => return Err(system("lock", path, &error)),
        }
        // Another process may have put a new file in its place before the lock was taken.
        let (ours, named) = (file.metadata(), std::fs::metadata(path));
        let identity = |m: &std::fs::Metadata| (m.dev(), m.ino());
        match (ours, named) {
            (Ok(ours), Ok(named)) if identity(&ours) == identity(&named) => return Ok(file),
            (Err(error), _) => return Err(system("open", path, &error)),
            _ => {}
        }
    }
}

fn lock(file: &File) -> io::Result<()> {
    // SAFETY: the descriptor is open for as long as `file` lives; flock has no other requirement.
    match unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn locked(path: &Path, file: &File) -> Rejection {
    let owner = lock_owner(file).map_or_else(|| "another owner".into(), |p| format!("process {p}"));
    let text = format!(
        "the journal {} is open in {owner}: a journal has one owner at a time",
        path.display()
    );
    Rejection::new(Code::JournalLocked, text)
}

/// Who holds the lock, where the system tells (`/proc/locks`).
fn lock_owner(file: &File) -> Option<u32> {
    let metadata = file.metadata().ok()?;
    let (major, minor) = (libc::major(metadata.dev()), libc::minor(metadata.dev()));
    let wanted = format!("{major:02x}:{minor:02x}:{}", metadata.ino());
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    locks.lines().find_map(|line| {
        let mut words = line.split_whitespace().skip_while(|word| *word != "FLOCK").skip(3);
        let pid = words.next()?;
        (words.next() == Some(&wanted)).then(|| pid.parse().ok().filter(|pid| *pid > 0))?
    })
}

fn in_file(path: &Path, error: &JournalError) -> Rejection {
    Rejection::new(error.code(), format!("{}: {error}", path.display()))
}

fn system(verb: &str, path: &Path, error: &io::Error) -> Rejection {
    let text = format!("cannot {verb} {}: {error}", path.display());
    Rejection::new(Code::System, text)
}

#[cfg(test)]
mod tests;

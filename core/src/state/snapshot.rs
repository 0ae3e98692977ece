//! The state as bytes: canonical CBOR with integer keys, from which everything else is derived.
//!
//! Nothing in it depends on the order of interning, on caches or on addresses, so two kernels that
//! accepted the same commands have equal snapshots, and [`State::hash`] compares them.

use minicbor::decode::Error as DecodeError;
use minicbor::encode::{Error as EncodeError, Write};
use minicbor::{Decoder, Encoder};

use super::grant::scalars;
use super::{Hold, Liveness, Pools, State};
use crate::error::{Code, Rejection};
use crate::intern::Names;
use crate::resources::{CollectionKey as _, Name};

/// Format of the state; raised when an older library could not read it.
pub const STATE_FORMAT: u32 = 1;

/// Why bytes are not a state.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The bytes do not decode; with the offset where they stop to make sense.
    #[error("the snapshot does not decode: {0}")]
    Decode(#[from] DecodeError),
    /// It was written by a newer version.
    #[error(
        "the snapshot has format {0}: written by a newer version, this one reads {STATE_FORMAT}"
    )]
    Newer(u32),
    /// It decodes, but contradicts itself.
    #[error("the snapshot contradicts itself: {0}")]
    Inconsistent(String),
}

impl From<SnapshotError> for Rejection {
    fn from(error: SnapshotError) -> Self {
        let code = match error {
            SnapshotError::Newer(_) => Code::NewerVersion,
            _ => Code::Corrupt,
        };
        Self::new(code, error.to_string())
    }
}

/// A writer for those who only want to see what is written.
struct Nowhere;

impl Write for Nowhere {
    type Error = std::convert::Infallible;

    fn write_all(&mut self, _: &[u8]) -> Result<(), Self::Error> {
        Ok(())
    }
}

impl State {
    /// The state as bytes.
    #[must_use]
    pub fn to_snapshot(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // Writing to memory cannot fail.
        let written = self.encode(&mut Encoder::new(&mut bytes), &mut self.names.clone());
        debug_assert!(written.is_ok());
        bytes
    }

    /// Reads a state back and checks it.
    pub fn from_snapshot(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let mut decoder = Decoder::new(bytes);
        let state = Self::decode(&mut decoder)?;
        if decoder.position() != bytes.len() {
            let at = decoder.position();
            return Err(SnapshotError::Inconsistent(format!("it goes on after offset {at}")));
        }
        match state.check_invariants() {
            Ok(()) => Ok(state),
            Err(violation) => Err(SnapshotError::Inconsistent(violation.to_string())),
        }
    }

    /// BLAKE3 of the canonical snapshot: equal on every machine for the same accepted commands.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        *blake3::hash(&self.to_snapshot()).as_bytes()
    }

    /// Drops metadata of resources that nobody has any more, if there may be much of it. What a
    /// snapshot holds is in use; nothing in the snapshot changes by it.
    pub(crate) fn drop_old_metadata(&mut self) {
        if !self.names.has_old_metadata() {
            return;
        }
        let mut observer = self.names.observing();
        if self.encode(&mut Encoder::new(Nowhere), &mut observer).is_ok() {
            self.names.drop_unused(observer);
        }
    }

    fn encode<W: Write>(
        &self,
        e: &mut Encoder<W>,
        names: &mut Names,
    ) -> Result<(), EncodeError<W::Error>> {
        e.map(19)?.u8(0)?.u32(STATE_FORMAT)?;
        e.u8(1)?.encode(&self.options)?;
        e.u8(2)?.encode(self.started)?;
        e.u8(3)?.encode(self.now)?;
        e.u8(4)?.u64(self.seq)?;
        e.u8(5)?.encode_with(&self.sessions, names)?;
        e.u8(6)?.encode_with(&self.agents, names)?;
        e.u8(7)?.encode_with(&self.roles, names)?;
        e.u8(8)?.encode_with(&self.frameworks, names)?;
        e.u8(9)?.encode_with(&self.grants, names)?;
        e.u8(10)?.encode_with(&self.tasks, names)?;
        e.u8(11)?.array(2)?.encode(&self.timers)?.encode(&self.work)?;
        // Names count towards a limit, also those that nobody has any more.
        e.u8(12)?.encode(names.sorted())?;
        e.u8(60)?.encode(&self.registry)?;
        e.u8(61)?.encode(&self.maintenance)?;
        e.u8(110)?.encode_with(&self.executors, names)?;
        e.u8(140)?.encode(&self.policy)?;
        let pools = self.pools.rows();
        e.u8(170)?.map(pools.len() as u64)?;
        for (name, pool) in pools {
            e.str(name)?.encode_with(pool, names)?;
        }
        e.u8(200)?.encode_with(&self.operations, names)?;
        Ok(())
    }

    fn decode(d: &mut Decoder<'_>) -> Result<Self, SnapshotError> {
        let names = &mut Names::default();
        if d.map()? != Some(19) {
            return Err(DecodeError::message("a state has 19 fields").at(d.position()).into());
        }
        let key =
            |d: &mut Decoder<'_>, wanted: u8| match d.u8()? {
                found if found == wanted => Ok(()),
                found => Err(DecodeError::message(format!("field {found} instead of {wanted}"))
                    .at(d.position())),
            };
        key(d, 0)?;
        match d.u32()? {
            STATE_FORMAT => {}
            newer => return Err(SnapshotError::Newer(newer)),
        }
        key(d, 1)?;
        let options = d.decode()?;
        key(d, 2)?;
        let started = d.decode()?;
        let mut state = Self::new(options, started);
        key(d, 3)?;
        state.now = d.decode()?;
        key(d, 4)?;
        state.seq = d.u64()?;
        key(d, 5)?;
        state.sessions = d.decode_with(names)?;
        key(d, 6)?;
        state.agents = d.decode_with(names)?;
        key(d, 7)?;
        state.roles = d.decode_with(names)?;
        key(d, 8)?;
        state.frameworks = d.decode_with(names)?;
        key(d, 9)?;
        state.grants = d.decode_with(names)?;
        key(d, 10)?;
        state.tasks = d.decode_with(names)?;
        key(d, 11)?;
        if d.array()? != Some(2) {
            return Err(DecodeError::message("timers and work").at(d.position()).into());
        }
        (state.timers, state.work) = (d.decode()?, d.decode()?);
        key(d, 12)?;
        let (at, seen) = (d.position(), d.decode::<Vec<Name>>()?);
        names.restore(seen).map_err(|e| DecodeError::message(e).at(at))?;
        key(d, 60)?;
        state.registry = d.decode()?;
        key(d, 61)?;
        state.maintenance = d.decode()?;
        key(d, 110)?;
        state.executors = d.decode_with(names)?;
        key(d, 140)?;
        state.policy = d.decode()?;
        key(d, 170)?;
        let pools = d.decode_with(names)?;
        key(d, 200)?;
        state.operations = d.decode_with(names)?;
        state.names = std::mem::take(names);
        *state.pools = Pools::restored(pools, &state.names);
        state.derive();
        Ok(state)
    }

    /// Counts what pools have; what does not fit is left out.
    fn derive_pools(&mut self) {
        let totals: Vec<_> = self.pools.iter().map(|(_, pool)| pool.total.clone()).collect();
        for total in totals {
            if self.total.add(&scalars(&total)).is_ok() {
                self.count_reservations(&total, true);
            }
        }
    }

    /// Rebuilds sums and indexes after a restore. What does not fit in a damaged snapshot is left
    /// out: the check of the invariants finds it.
    fn derive(&mut self) {
        self.derive_roles();
        let mut totals = Vec::new();
        for (id, agent) in self.agents.iter() {
            if let Some(name) = &agent.name {
                self.agent_ids.insert(name.clone(), id);
            }
            if let Liveness::Unreachable(since) = agent.liveness {
                self.registry.away_by_age.insert((since, id));
            }
            if agent.counts() && self.total.add(&scalars(&agent.total)).is_ok() {
                totals.extend(agent.total.iter().any(|item| item.key.is_reserved()).then_some(id));
            }
        }
        self.derive_pools();
        for id in totals {
            let total = self.agents.get(id).map(|agent| agent.total.clone()).unwrap_or_default();
            self.count_reservations(&total, true);
        }
        self.derive_constrained();
        let gone = self.registry.gone.iter();
        self.registry.gone_by_age = gone.map(|(agent, since)| (*since, *agent)).collect();
        let parts = self.frameworks.iter().flat_map(|(_, framework)| framework.roles.values());
        self.own_minima = parts.filter(|part| part.min_allocatable.is_some()).count();
        for (id, framework) in self.frameworks.iter() {
            if let Some(name) = &framework.name {
                self.framework_ids.insert(name.clone(), id);
            }
        }
        let grants: Vec<_> = self.grants.iter().map(|(id, g)| (id, g.clone())).collect();
        for (id, grant) in &grants {
            self.charge(*id, grant);
        }
        let tasks: Vec<_> = self
            .tasks
            .iter()
            .map(|(id, t)| {
                let parked = matches!(t.hold, Hold::Parked(_));
                (id, t.agent, t.framework, t.role, t.name.clone(), parked)
            })
            .collect();
        for (id, agent, framework, role, name, parked) in tasks {
            if let Some(agent) = self.agents.get_mut(agent) {
                agent.tasks.insert(id);
            }
            if let Some(framework) = self.frameworks.get_mut(framework) {
                framework.tasks.insert(name, id);
            }
            if let Some(part) = self.part_mut(framework, role).filter(|_| parked) {
                part.parked += 1;
            }
        }
        let executors: Vec<_> = self.executors.iter().map(|(id, row)| (id, row.clone())).collect();
        for (id, row) in executors {
            self.list_executor(id, row.agent, row.framework);
            let parked = matches!(row.hold, Hold::Parked(_));
            if let Some(part) = self.part_mut(row.framework, row.role).filter(|_| parked) {
                part.parked += 1;
            }
        }
        self.derive_operations();
        // Nothing has changed: all this was so before.
        self.pools.moved = false;
        self.quota_moved = false;
        self.derive_watch();
    }
}

//! The maintenance schedule: when machines are not to be relied on, and when they are down.

use std::collections::{BTreeMap, BTreeSet};

use super::{Machine, over_limit};
use crate::command::{
    MaintenanceWindow, SessionKind, StartMaintenance, StopMaintenance, UpdateMaintenanceSchedule,
};
use crate::error::{Code, Rejection, shorten};
use crate::event::RescindReason;
use crate::ids::{Id, SessionId};
use crate::limits::{MACHINES_MAX, TIMEOUT_MAX};
use crate::names::check_name;
use crate::reply::Reply;
use crate::state::Bulk;
use crate::state::maintenance::Planned;
use crate::time::Nanos;
use crate::value::Unavailability;

type Machines = BTreeMap<Box<str>, Planned>;

impl Machine<'_> {
    pub(super) fn update_maintenance_schedule(
        &mut self,
        sender: Option<SessionId>,
        command: &UpdateMaintenanceSchedule,
    ) -> Result<Reply, Rejection> {
        self.sender(sender, SessionKind::Operator)?;
        let mut machines = check_windows(&command.windows)?;
        let before = &self.state.maintenance.machines;
        for (name, planned) in before.iter().filter(|(_, planned)| planned.down) {
            let Some(entry) = machines.get_mut(name) else {
                let text = format!(
                    "machine {:?} is down and not in the new schedule: stop its maintenance first",
                    shorten(name)
                );
                return Err(Rejection::new(Code::FailedPrecondition, text).at("windows"));
            };
            entry.down = planned.down;
        }
        let names = before.keys().chain(machines.keys());
        let changed: BTreeSet<Box<str>> =
            names.filter(|name| before.get(*name) != machines.get(*name)).cloned().collect();
        self.state.maintenance.machines = machines;
        self.machines_changed(changed);
        Ok(Reply::Done)
    }

    pub(super) fn start_maintenance(
        &mut self,
        sender: Option<SessionId>,
        command: &StartMaintenance,
    ) -> Result<Reply, Rejection> {
        self.sender(sender, SessionKind::Operator)?;
        let need = "scheduled and not down";
        let machines = self.check_machines(&command.machines, need, |planned| !planned.down)?;
        for name in &machines {
            if let Some(planned) = self.state.maintenance.machines.get_mut(name) {
                planned.down = true;
            }
        }
        self.machines_changed(machines);
        Ok(Reply::Done)
    }

    pub(super) fn stop_maintenance(
        &mut self,
        sender: Option<SessionId>,
        command: &StopMaintenance,
    ) -> Result<Reply, Rejection> {
        self.sender(sender, SessionKind::Operator)?;
        let machines = self.check_machines(&command.machines, "down", |planned| planned.down)?;
        for name in &machines {
            self.state.maintenance.machines.remove(name);
        }
        self.machines_changed(machines);
        Ok(Reply::Done)
    }

    /// The machines of a list: at least one, none twice, all as needed.
    fn check_machines(
        &self,
        list: &[Box<str>],
        need: &str,
        suits: impl Fn(&Planned) -> bool,
    ) -> Result<BTreeSet<Box<str>>, Rejection> {
        if list.is_empty() {
            let text = "no machine is listed: give at least one";
            return Err(Rejection::new(Code::BadList, text).at("machines"));
        }
        let mut machines = BTreeSet::new();
        for (index, name) in list.iter().enumerate() {
            let reject = |code, text: String| {
                Err(Rejection::new(code, text).at(format!("machines[{index}]")).index(index))
            };
            if !self.state.maintenance.machines.get(name).is_some_and(&suits) {
                let text = format!("machine {:?} is not {need}", shorten(name));
                return reject(Code::FailedPrecondition, text);
            }
            if !machines.insert(name.clone()) {
                let text = format!("machine {:?} is listed twice", shorten(name));
                return reject(Code::BadList, text);
            }
        }
        Ok(machines)
    }

    /// Nobody may be on a machine that is down.
    pub(super) fn check_is_up(&self, machine: Option<&str>) -> Result<(), Rejection> {
        let machines = &self.state.maintenance.machines;
        match machine.filter(|name| machines.get(*name).is_some_and(|planned| planned.down)) {
            None => Ok(()),
            Some(name) => {
                let text = format!(
                    "machine {:?} is down for maintenance: an operator says stop_maintenance when \
                     it is over",
                    shorten(name)
                );
                Err(Rejection::new(Code::MachineDown, text).at("hostname"))
            }
        }
    }

    fn machines_changed(&mut self, machines: BTreeSet<Box<str>>) {
        if !machines.is_empty() {
            self.state.work.bulk.push_back(Bulk::Machines(machines, 0));
        }
    }

    /// Does to the agents on machines what follows from the schedule, from a slot of the agents
    /// on, a bounded number of objects. Gives the slot to go on from, if there may be more.
    pub(super) fn refresh_machines(
        &mut self,
        machines: &BTreeSet<Box<str>>,
        mut slot: u32,
        budget: &mut usize,
    ) -> Option<u32> {
        while *budget > 0 {
            let (id, agent) = self.state.agents.next_from(slot)?;
            slot = id.index() + 1;
            *budget -= 1;
            if !agent.machine().is_some_and(|name| machines.contains(name)) {
                continue;
            }
            *budget = budget.saturating_sub(agent.grants.len());
            let is_down = self.state.planned(id).is_some_and(|planned| planned.down);
            if is_down && agent.counts() {
                self.start_removing_agent(id);
            } else if !is_down {
                self.end_offers_of_agent(id, RescindReason::Unavailability);
                self.forget_inquiries_of_agent(id);
                self.offer_now(id);
                self.ask_about(id);
            }
        }
        Some(slot)
    }
}

fn check_windows(windows: &[MaintenanceWindow]) -> Result<Machines, Rejection> {
    let count = windows.iter().map(|window| window.machines.len()).sum::<usize>();
    if windows.len().max(count) > MACHINES_MAX {
        return Err(over_limit("machines or windows", count, MACHINES_MAX).at("windows"));
    }
    let mut machines = Machines::new();
    for (index, window) in windows.iter().enumerate() {
        let reject = |code, text: String, field: String| {
            Err(Rejection::new(code, text).at(format!("windows[{index}].{field}")).index(index))
        };
        if window.machines.is_empty() {
            let text = "no machine is listed: give at least one".to_owned();
            return reject(Code::BadList, text, "machines".to_owned());
        }
        let duration = window.duration_seconds.unwrap_or(Nanos::ZERO);
        if duration < Nanos::ZERO || duration > TIMEOUT_MAX {
            let text = "out of range: 0 seconds to 100 years, so that it ends after it starts";
            return reject(Code::BadTime, text.to_owned(), "duration_seconds".to_owned());
        }
        let (start, duration_seconds) = (window.start, window.duration_seconds);
        let unavailability = Unavailability { start, duration_seconds };
        for (place, name) in window.machines.iter().enumerate() {
            let field = format!("machines[{place}]");
            if let Err(wrong) = check_name("machine", name) {
                return reject(wrong.code(), wrong.message().to_owned(), field);
            }
            if machines.insert(name.clone(), Planned { unavailability, down: false }).is_some() {
                let text = format!("machine {:?} is listed twice", shorten(name));
                return reject(Code::BadList, text, field);
            }
        }
    }
    Ok(machines)
}

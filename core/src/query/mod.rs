//! Queries: what can be asked of the ledger without changing it.
//!
//! A query is no command: it is not journaled, has no sender, and never changes a hash. It is
//! answered from a state, such as a branch of a running kernel or the end of a journal. Answers
//! are for people and programs that look at a kernel; what a framework needs to schedule comes in
//! events.
//!
//! - `rows`: what there is, one kind of [row](crate::row) per noun
//! - [`explain`]: why somebody gets no offers
//! - [`pool`]: why nothing of a pool is offered
//! - [`finding`]: what in a whole state deserves a look
//! - [`calculation`]: arithmetic of resources, without any state

pub mod calculation;
pub mod explain;
pub mod finding;
pub mod pool;
mod rows;

use serde::{Deserialize, Serialize};

use crate::command::{SetPolicy, read_fields, unknown_name};
use crate::error::{Code, Rejection, shorten};
use crate::ids::{AgentId, FrameworkId, Id, RoleId};
use crate::state::State;

pub use crate::row::{
    AgentRow, ExecutorRow, FrameworkRow, GoneRow, MachineStatus, OfferRow, OperationRow, OrderRow,
    PoolRow, RoleRow, TaskRow,
};
pub use calculation::{Calculated, CalculatedQuantities, Calculation, QuantityCalculation};
pub use explain::{AgentExplanation, FrameworkExplanation, RoleExplanation};
pub use finding::Finding;
pub use pool::PoolExplanation;

/// Which rows: those that match all that is given. Ids or names, as text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pick {
    /// Of this agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<Box<str>>,
    /// Of this framework.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub framework: Option<Box<str>>,
    /// In this role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Box<str>>,
}

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Query {
    /// Agents.
    GetAgents(Pick),
    /// Frameworks.
    GetFrameworks(Pick),
    /// Roles.
    GetRoles(Pick),
    /// Offers that have not ended.
    GetOffers(Pick),
    /// Live and unreachable tasks.
    GetTasks(Pick),
    /// Who is next: frameworks that want offers, role by role, by their shares.
    GetOrder(Pick),
    /// Pools.
    GetPools,
    /// Operations whose outcome is reported and not acknowledged.
    GetOperations(Pick),
    /// Executors.
    GetExecutors(Pick),
    /// Agents, frameworks, roles, offers, tasks, pools, operations and executors.
    GetState,
    /// The maintenance schedule with what was answered to it, and agents that are gone.
    GetMaintenance,
    /// Why a framework, a role or an agent gets no offers; exactly one of them is given.
    Explain(Pick),
    /// Why nothing of the pool of that name is offered.
    ExplainPool(Box<str>),
    /// What deserves a look.
    Diagnose,
    /// Who may do what for which roles.
    GetPolicy,
    /// What comes of resources, step by step.
    Resources(Box<Calculation>),
    /// What comes of quantities, step by step.
    Quantities(Box<QuantityCalculation>),
}

/// What a query gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Answer {
    /// Agents in the order of their ids.
    Agents {
        /// The rows.
        agents: Vec<AgentRow>,
    },
    /// Frameworks in the order of their ids.
    Frameworks {
        /// The rows.
        frameworks: Vec<FrameworkRow>,
    },
    /// Roles in the order of their names.
    Roles {
        /// The rows.
        roles: Vec<RoleRow>,
    },
    /// Offers in the order of their ids.
    Offers {
        /// The rows.
        offers: Vec<OfferRow>,
    },
    /// Tasks in the order of their ids.
    Tasks {
        /// The rows.
        tasks: Vec<TaskRow>,
    },
    /// Who is next, the first first.
    Order {
        /// The rows.
        order: Vec<OrderRow>,
    },
    /// Pools in the order of their names.
    Pools {
        /// The rows.
        pools: Vec<PoolRow>,
    },
    /// Operations in the order of their ids.
    Operations {
        /// The rows.
        operations: Vec<OperationRow>,
    },
    /// Executors in the order of their ids.
    Executors {
        /// The rows.
        executors: Vec<ExecutorRow>,
    },
    /// Everything.
    State {
        /// As of [`Query::GetAgents`].
        agents: Vec<AgentRow>,
        /// As of [`Query::GetFrameworks`].
        frameworks: Vec<FrameworkRow>,
        /// As of [`Query::GetRoles`].
        roles: Vec<RoleRow>,
        /// As of [`Query::GetOffers`].
        offers: Vec<OfferRow>,
        /// As of [`Query::GetTasks`].
        tasks: Vec<TaskRow>,
        /// As of [`Query::GetPools`]; left out if there is none.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        pools: Vec<PoolRow>,
        /// As of [`Query::GetOperations`].
        #[serde(skip_serializing_if = "Vec::is_empty")]
        operations: Vec<OperationRow>,
        /// As of [`Query::GetExecutors`].
        executors: Vec<ExecutorRow>,
    },
    /// Agents that are to go or are gone.
    Maintenance {
        /// The schedule, in the order of the names.
        machines: Vec<MachineStatus>,
        /// Agents marked gone, in the order of their ids.
        gone: Vec<GoneRow>,
    },
    /// Why a framework gets no offers.
    FrameworkExplained(FrameworkExplanation),
    /// Why the frameworks of a role get no offers.
    RoleExplained(RoleExplanation),
    /// Why an agent is not offered.
    AgentExplained(AgentExplanation),
    /// Why nothing of a pool is offered.
    PoolExplained(PoolExplanation),
    /// What deserves a look, the most pressing first.
    Findings {
        /// One each.
        findings: Vec<Finding>,
    },
    /// Who may do what for which roles.
    Policy(SetPolicy),
    /// What came of resources.
    Resources(Box<Calculated>),
    /// What came of quantities.
    Quantities(CalculatedQuantities),
}

impl Query {
    /// The names of all queries as they stand in JSON.
    pub const NAMES: &'static [&'static str] = &[
        "get_agents",
        "get_frameworks",
        "get_roles",
        "get_offers",
        "get_tasks",
        "get_order",
        "get_pools",
        "get_operations",
        "get_executors",
        "get_state",
        "get_maintenance",
        "explain",
        "diagnose",
        "get_policy",
        "resources",
        "quantities",
    ];

    /// Reads a query from its name and the object with its fields.
    ///
    /// Errors: [`Code::UnknownCommand`]; [`Code::Malformed`] with the path of the field.
    pub fn from_json(name: &str, fields: serde_json::Value) -> Result<Self, Rejection> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Nothing {}
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct OfPool {
            pool: Box<str>,
        }
        let pick = |query: fn(Pick) -> Self, fields| read_fields(fields).map(query);
        match name {
            "get_agents" => pick(Self::GetAgents, fields),
            "get_frameworks" => pick(Self::GetFrameworks, fields),
            "get_roles" => pick(Self::GetRoles, fields),
            "get_offers" => pick(Self::GetOffers, fields),
            "get_tasks" => pick(Self::GetTasks, fields),
            "get_order" => pick(Self::GetOrder, fields),
            "get_pools" => read_fields(fields).map(|Nothing {}| Self::GetPools),
            "get_operations" => pick(Self::GetOperations, fields),
            "get_executors" => pick(Self::GetExecutors, fields),
            "get_state" => read_fields(fields).map(|Nothing {}| Self::GetState),
            "get_maintenance" => read_fields(fields).map(|Nothing {}| Self::GetMaintenance),
            "explain" if fields.get("pool").is_some() => {
                read_fields(fields).map(|OfPool { pool }| Self::ExplainPool(pool))
            }
            "explain" => pick(Self::Explain, fields),
            "diagnose" => read_fields(fields).map(|Nothing {}| Self::Diagnose),
            "get_policy" => read_fields(fields).map(|Nothing {}| Self::GetPolicy),
            "resources" => read_fields(fields).map(|sum| Self::Resources(Box::new(sum))),
            "quantities" => read_fields(fields).map(|sum| Self::Quantities(Box::new(sum))),
            _ => Err(unknown_name("query", name, Self::NAMES)),
        }
    }
}

/// A [`Pick`] with what its texts stand for.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Picked {
    pub agent: Option<AgentId>,
    pub framework: Option<FrameworkId>,
    pub role: Option<RoleId>,
}

impl Picked {
    fn has(self, agent: AgentId, framework: FrameworkId, role: RoleId) -> bool {
        self.agent.is_none_or(|wanted| wanted == agent)
            && self.framework.is_none_or(|wanted| wanted == framework)
            && self.role.is_none_or(|wanted| wanted == role)
    }
}

impl State {
    /// Answers a query. It takes time in proportion to the rows looked at; `explain` of a framework
    /// looks at every agent once per role, `diagnose` does that for all frameworks.
    ///
    /// Errors: [`Code::UnknownAgent`], [`Code::UnknownFramework`], [`Code::UnknownRole`],
    /// [`Code::UnknownPool`] for what does not exist; [`Code::Malformed`] for an `explain` of none
    /// or of several; [`Code::BadResources`] for arithmetic that cannot be done.
    pub fn query(&self, query: &Query) -> Result<Answer, Rejection> {
        Ok(match query {
            Query::GetAgents(pick) => {
                Answer::Agents { agents: rows::agents(self, self.picked(pick)?) }
            }
            Query::GetFrameworks(pick) => {
                Answer::Frameworks { frameworks: rows::frameworks(self, self.picked(pick)?) }
            }
            Query::GetRoles(pick) => Answer::Roles { roles: rows::roles(self, self.picked(pick)?) },
            Query::GetOffers(pick) => {
                Answer::Offers { offers: rows::offers(self, self.picked(pick)?) }
            }
            Query::GetTasks(pick) => Answer::Tasks { tasks: rows::tasks(self, self.picked(pick)?) },
            Query::GetOrder(pick) => {
                Answer::Order { order: rows::order(self, self.in_order(pick)?) }
            }
            Query::GetPools => Answer::Pools { pools: rows::pools(self) },
            Query::GetOperations(pick) => {
                Answer::Operations { operations: rows::operations(self, self.picked(pick)?) }
            }
            Query::GetExecutors(pick) => {
                Answer::Executors { executors: rows::executors(self, self.picked(pick)?) }
            }
            Query::GetState => {
                let all = Picked::default();
                Answer::State {
                    agents: rows::agents(self, all),
                    frameworks: rows::frameworks(self, all),
                    roles: rows::roles(self, all),
                    offers: rows::offers(self, all),
                    tasks: rows::tasks(self, all),
                    pools: rows::pools(self),
                    operations: rows::operations(self, all),
                    executors: rows::executors(self, all),
                }
            }
            Query::GetMaintenance => {
                Answer::Maintenance { machines: self.maintenance_status(), gone: rows::gone(self) }
            }
            Query::ExplainPool(name) => {
                let pool = self.pools().get(name);
                let pool = pool.ok_or_else(|| missing(Code::UnknownPool, "pool", name))?;
                Answer::PoolExplained(pool::explain(self, name, pool))
            }
            Query::Explain(pick) => self.explain(self.picked(pick)?)?,
            Query::GetPolicy => Answer::Policy(self.policy().clone()),
            Query::Resources(sum) => Answer::Resources(Box::new(sum.result()?)),
            Query::Quantities(sum) => Answer::Quantities(sum.result()?),
            Query::Diagnose => Answer::Findings { findings: finding::findings(self) },
        })
    }

    fn explain(&self, picked: Picked) -> Result<Answer, Rejection> {
        match picked {
            Picked { framework: Some(id), agent: None, role: None } => {
                Ok(Answer::FrameworkExplained(explain::framework(self, id)))
            }
            Picked { role: Some(id), agent: None, framework: None } => {
                Ok(Answer::RoleExplained(explain::role(self, id)))
            }
            Picked { agent: Some(id), framework: None, role: None } => {
                Ok(Answer::AgentExplained(explain::agent(self, id)))
            }
            _ => {
                let text = "give exactly one of `framework`, `role`, `agent` and `pool`";
                Err(Rejection::new(Code::Malformed, text))
            }
        }
    }

    fn in_order(&self, pick: &Pick) -> Result<Picked, Rejection> {
        if pick.agent.is_some() {
            let text = "the order is the same for every agent: leave it out, or ask `explain`";
            return Err(Rejection::new(Code::Malformed, text).at("agent"));
        }
        self.picked(pick)
    }

    fn picked(&self, pick: &Pick) -> Result<Picked, Rejection> {
        let agent = pick.agent.as_deref().map(|text| {
            find(text, |id| self.agents().contains(id), |name| self.agent_id(name))
                .ok_or_else(|| missing(Code::UnknownAgent, "agent", text))
        });
        let framework = pick.framework.as_deref().map(|text| {
            find(text, |id| self.frameworks().contains(id), |name| self.framework_id(name))
                .ok_or_else(|| missing(Code::UnknownFramework, "framework", text))
        });
        let role = pick
            .role
            .as_deref()
            .map(|text| self.role_id(text).ok_or_else(|| missing(Code::UnknownRole, "role", text)));
        Ok(Picked {
            agent: agent.transpose()?,
            framework: framework.transpose()?,
            role: role.transpose()?,
        })
    }
}

/// An id as text, or a name.
fn find<I: Id + std::str::FromStr>(
    text: &str,
    exists: impl Fn(I) -> bool,
    by_name: impl Fn(&str) -> Option<I>,
) -> Option<I> {
    by_name(text).or_else(|| text.parse().ok().filter(|id| exists(*id)))
}

fn missing(code: Code, kind: &str, text: &str) -> Rejection {
    let text = format!("no {kind} has the id or name {:?} at the moment", shorten(text));
    Rejection::new(code, text).at(kind)
}

#[cfg(test)]
mod tests;

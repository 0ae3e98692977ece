package tamias

// The codes and classes of include/tamias.h; a test compares them with it.

// What a call can be rejected with.
const (
	// Malformed: text that is not JSON, or JSON of another shape.
	Malformed Code = -257
	// UnknownCommand: there is no such command.
	UnknownCommand Code = -258
	// BadResources: a resource text or list that does not parse.
	BadResources Code = -259
	// BadName: a name that is empty, too long, or has characters that names may not have.
	BadName Code = -260
	// BadTime: a time or duration out of range.
	BadTime Code = -261
	// BadWeight: a weight out of range.
	BadWeight Code = -262
	// BadList: a list with a duplicate, or an empty list where one entry is needed.
	BadList Code = -263
	// BadAttributes: an attribute that does not parse.
	BadAttributes Code = -264
	// InvalidTask: a task description that no agent could run.
	InvalidTask Code = -265
	// ExceedsOffer: more resources than the offers hold.
	ExceedsOffer Code = -266
	// BadTaskState: a task state that a driver cannot report.
	BadTaskState Code = -267
	// WrongUUID: an acknowledgement whose uuid is not that of the update in flight.
	WrongUUID Code = -268
	// MixedOffers: offers of several agents, or of several roles, in one accept.
	MixedOffers Code = -269
	// TimeStep: a step of time beyond 24 hours that was not sent as `advance_time`.
	TimeStep Code = -270
	// BadOption: an option out of range.
	BadOption Code = -271
	// BadStruct: a structure of the C ABI that is too short, NULL, or has a reserved field set.
	BadStruct Code = -272
	// BadScript: a script line that does not mean anything.
	BadScript Code = -273
	// BadConstraint: offer constraints that are empty or too many, or a bad or too complex pattern.
	BadConstraint Code = -274
	// InvalidOperation: an operation on resources that breaks one of its rules.
	InvalidOperation Code = -336
	// BadQuota: a quota that contradicts itself, or one that this role cannot have.
	BadQuota Code = -296
	// UnknownAgent: no such agent.
	UnknownAgent Code = -513
	// UnknownFramework: no such framework.
	UnknownFramework Code = -514
	// UnknownTask: no such task.
	UnknownTask Code = -515
	// UnknownSession: no such session.
	UnknownSession Code = -516
	// UnknownRole: the framework is not subscribed to the role.
	UnknownRole Code = -517
	// UnknownExecutor: no such executor.
	UnknownExecutor Code = -602
	// UnknownPool: no such pool.
	UnknownPool Code = -682
	// UnknownOperation: no such operation.
	UnknownOperation Code = -588
	// NameTaken: another live agent, framework or pool has the name, or the resource of that name.
	NameTaken Code = -769
	// TaskExists: the framework has a live or unreachable task of that name.
	TaskExists Code = -770
	// OperationExists: the framework has an operation of that id whose end it has not acknowledged.
	OperationExists Code = -844
	// OfferGone: the offer was accepted, declined, rescinded or never made to this framework.
	OfferGone Code = -1025
	// AgentInactive: the agent is disconnected, deactivated or not registered.
	AgentInactive Code = -1026
	// AlreadySubscribed: the session already has a framework.
	AlreadySubscribed Code = -1027
	// NotSubscribed: the session has no framework yet.
	NotSubscribed Code = -1028
	// NothingToAcknowledge: there is no update in flight to acknowledge.
	NothingToAcknowledge Code = -1029
	// FailedPrecondition: the object is not in the state that the command needs.
	FailedPrecondition Code = -1031
	// AgentConnected: the agent is still connected through another session.
	AgentConnected Code = -1030
	// AgentGone: an operator marked the agent gone: it never comes back under this id.
	AgentGone Code = -1044
	// MachineDown: the machine is down for maintenance.
	MachineDown Code = -1045
	// QuotaConflict: a quota beyond what there is, or below what is consumed: force accepts it.
	QuotaConflict Code = -1064
	// ExecutorTerminating: the executor is being shut down and takes no more tasks.
	ExecutorTerminating Code = -1114
	// LimitReached: a limit was reached; the message names it.
	LimitReached Code = -1281
	// WouldBlock: another thread is applying a command.
	WouldBlock Code = -1537
	// JournalLocked: another process has the journal open.
	JournalLocked Code = -1538
	// JournalFull: the journal's buffer in memory is full until it is flushed.
	JournalFull Code = -1539
	// WaitTimeout: the wait timed out.
	WaitTimeout Code = -1793
	// HandleClosed: the handle was closed.
	HandleClosed Code = -2049
	// Superseded: the framework was taken over by another session.
	Superseded Code = -2050
	// Forked: the process was forked after the kernel was opened.
	Forked Code = -2051
	// KernelPoisoned: a defect was found earlier.
	KernelPoisoned Code = -2305
	// NotSupported: a feature or version that this library does not have.
	NotSupported Code = -2561
	// NewerVersion: written by a newer version.
	NewerVersion Code = -2562
	// Defect: a defect of the kernel (caught panic).
	Defect Code = -2817
	// WrongSession: the session's kind may not send the command.
	WrongSession Code = -3073
	// NotYours: the object belongs to another session's framework or agent.
	NotYours Code = -3074
	// Unauthorized: the policy forbids it to the session's principal.
	Unauthorized Code = -3075
	// System: the operating system refused; the message carries its words.
	System Code = -3329
	// JournalFailed: an earlier flush failed: what is on the disk is uncertain, the journal takes
	// nothing more.
	JournalFailed Code = -3330
	// Corrupt: a damaged journal or snapshot; the message names the offset.
	Corrupt Code = -3585
)

// The classes of codes.
const (
	// ClassInvalidArgument: the argument is wrong whatever the state is.
	ClassInvalidArgument Class = 1
	// ClassNotFound: the named object does not exist (any more).
	ClassNotFound Class = 2
	// ClassAlreadyExists: the name is taken.
	ClassAlreadyExists Class = 3
	// ClassFailedPrecondition: the state does not allow it now, for example the offer is gone.
	ClassFailedPrecondition Class = 4
	// ClassResourceExhausted: a limit of `limits.rs` or of the options is reached.
	ClassResourceExhausted Class = 5
	// ClassBusy: somebody else is at work; try again.
	ClassBusy Class = 6
	// ClassTimeout: the wait ended without the thing waited for.
	ClassTimeout Class = 7
	// ClassClosed: the handle is closed.
	ClassClosed Class = 8
	// ClassPoisoned: a defect was found earlier; the kernel accepts no more commands.
	ClassPoisoned Class = 9
	// ClassUnsupported: not supported by this version.
	ClassUnsupported Class = 10
	// ClassInternal: a defect of the kernel.
	ClassInternal Class = 11
	// ClassPermissionDenied: the session may not do this.
	ClassPermissionDenied Class = 12
	// ClassIo: the operating system refused.
	ClassIo Class = 13
	// ClassDataLoss: a journal or snapshot is damaged.
	ClassDataLoss Class = 14
)

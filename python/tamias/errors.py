"""Exceptions: what a call did wrong, where, and what would be right.

A rejected call changed nothing: state, clock and hash of the kernel are as before.
"""

from __future__ import annotations

import enum
from typing import Final

__all__ = [
    "AlreadyExistsError",
    "BusyError",
    "ClosedError",
    "Code",
    "CorruptError",
    "InternalError",
    "InvalidArgumentError",
    "LimitError",
    "NotFoundError",
    "NotPermittedError",
    "OfferGoneError",
    "PoisonedError",
    "PreconditionError",
    "SystemCallError",
    "TamiasError",
    "UnsupportedError",
    "WaitTimeout",
]


class Code(enum.IntEnum):
    """What went wrong, for programs: ``class << 8 | detail``, the same number in every language."""

    MALFORMED = 0x101
    UNKNOWN_COMMAND = 0x102
    BAD_RESOURCES = 0x103
    BAD_NAME = 0x104
    BAD_TIME = 0x105
    BAD_WEIGHT = 0x106
    BAD_LIST = 0x107
    BAD_ATTRIBUTES = 0x108
    INVALID_TASK = 0x109
    EXCEEDS_OFFER = 0x10A
    BAD_TASK_STATE = 0x10B
    WRONG_UUID = 0x10C
    MIXED_OFFERS = 0x10D
    TIME_STEP = 0x10E
    BAD_OPTION = 0x10F
    BAD_STRUCT = 0x110
    BAD_SCRIPT = 0x111
    BAD_CONSTRAINT = 0x112
    INVALID_OPERATION = 0x150
    BAD_QUOTA = 0x128
    UNKNOWN_AGENT = 0x201
    UNKNOWN_FRAMEWORK = 0x202
    UNKNOWN_TASK = 0x203
    UNKNOWN_SESSION = 0x204
    UNKNOWN_ROLE = 0x205
    UNKNOWN_EXECUTOR = 0x25A
    UNKNOWN_POOL = 0x2AA
    UNKNOWN_OPERATION = 0x24C
    NAME_TAKEN = 0x301
    TASK_EXISTS = 0x302
    OPERATION_EXISTS = 0x34C
    OFFER_GONE = 0x401
    AGENT_INACTIVE = 0x402
    ALREADY_SUBSCRIBED = 0x403
    NOT_SUBSCRIBED = 0x404
    NOTHING_TO_ACKNOWLEDGE = 0x405
    AGENT_CONNECTED = 0x406
    FAILED_PRECONDITION = 0x407
    AGENT_GONE = 0x414
    MACHINE_DOWN = 0x415
    QUOTA_CONFLICT = 0x428
    EXECUTOR_TERMINATING = 0x45A
    LIMIT_REACHED = 0x501
    WOULD_BLOCK = 0x601
    JOURNAL_LOCKED = 0x602
    JOURNAL_FULL = 0x603
    WAIT_TIMEOUT = 0x701
    HANDLE_CLOSED = 0x801
    SUPERSEDED = 0x802
    FORKED = 0x803
    KERNEL_POISONED = 0x901
    NOT_SUPPORTED = 0xA01
    NEWER_VERSION = 0xA02
    DEFECT = 0xB01
    WRONG_SESSION = 0xC01
    NOT_YOURS = 0xC02
    UNAUTHORIZED = 0xC03
    SYSTEM = 0xD01
    JOURNAL_FAILED = 0xD02
    CORRUPT = 0xE01


class TamiasError(Exception):
    """Base of all exceptions of this package.

    ``code``: the :class:`Code`; ``detail``: its low byte; ``field``: the path of the argument meant
    (``offers[1]``), or ``""``; ``index``: the entry of the call's main list, or ``None``;
    ``message``: the text without the path.
    """

    def __init__(self, code: Code, message: str, field: str = "", index: int | None = None) -> None:
        super().__init__(f"{field}: {message}" if field else message)
        self.code: Final = code
        self.message: Final = message
        self.field: Final = field
        self.index: Final = index

    @property
    def detail(self) -> int:
        """The low byte of the code."""
        return int(self.code) & 0xFF

    def __reduce__(self) -> tuple[type[TamiasError], tuple[Code, str, str, int | None]]:
        return type(self), (self.code, self.message, self.field, self.index)


class InvalidArgumentError(TamiasError, ValueError):
    """The argument is wrong whatever the state is."""


class NotFoundError(TamiasError, LookupError):
    """The named object does not exist, or does not exist any more."""


class AlreadyExistsError(TamiasError):
    """The name is taken."""


class PreconditionError(TamiasError):
    """The state does not allow it now."""


class OfferGoneError(PreconditionError):
    """The offer was accepted, declined, rescinded or never made to this framework."""


class LimitError(TamiasError):
    """A limit was reached; the message names it."""


class BusyError(TamiasError):
    """Somebody else is at work, in this process or another; try again."""


class WaitTimeout(TamiasError, TimeoutError):
    """The wait ended without the thing waited for."""


class ClosedError(TamiasError):
    """The handle is closed, the framework was taken over, or the process was forked."""


class PoisonedError(TamiasError, RuntimeError):
    """A defect was found earlier; the kernel accepts no more commands."""


class UnsupportedError(TamiasError):
    """Not supported by this version."""


class InternalError(TamiasError, RuntimeError):
    """A defect of the kernel."""


class NotPermittedError(TamiasError):
    """The object belongs to another session, or the session's kind may not do this."""


class SystemCallError(TamiasError):
    """The operating system refused; the message carries its words."""


class CorruptError(TamiasError):
    """A damaged journal or snapshot; the message names the offset."""


_BY_CLASS: Final[dict[int, type[TamiasError]]] = {
    1: InvalidArgumentError,
    2: NotFoundError,
    3: AlreadyExistsError,
    4: PreconditionError,
    5: LimitError,
    6: BusyError,
    7: WaitTimeout,
    8: ClosedError,
    9: PoisonedError,
    10: UnsupportedError,
    11: InternalError,
    12: NotPermittedError,
    13: SystemCallError,
    14: CorruptError,
}


def _from_native(number: int, message: str, field: str, index: int | None) -> TamiasError:
    """Makes the exception for a rejection; called by the native module."""
    code = Code(number)
    kind = OfferGoneError if code is Code.OFFER_GONE else _BY_CLASS[number >> 8]
    return kind(code, message, field, index)

"""What can go wrong between us and a CRM, named by what the caller should do about it."""

from __future__ import annotations


class CrmError(Exception):
    """Base of all adapter errors. The message says which CRM, which object, what was expected and what to do."""


class RetriableError(CrmError):
    """The same request may succeed later. `wait_s`: seconds the CRM asked us to wait, None where it did not say."""

    def __init__(self, message: str, *, wait_s: float | None = None) -> None:
        super().__init__(message)
        self.wait_s = wait_s


class ThrottledError(RetriableError):
    """Refused for coming too often, before anything was done: it says nothing against the record."""


class UnsureError(RetriableError):
    """A create may or may not have happened: look for the record before sending it again."""


class FatalError(CrmError):
    """Repeating will not help: credentials, address, settings or a changed contract. A person must act."""


class ConfigError(FatalError):
    """A setting is missing or wrong. `setting` is its name."""

    def __init__(self, message: str, *, setting: str) -> None:
        super().__init__(message)
        self.setting = setting


class MissingScopeError(FatalError):
    """The credentials may not read this object. `scope` is the CRM's name of the missing right."""

    def __init__(self, message: str, *, scope: str) -> None:
        super().__init__(message)
        self.scope = scope


class SkippableError(CrmError):
    """This one record cannot be taken; the rest can."""


class ConflictError(SkippableError):
    """The CRM holds something that contradicts this record, and a person must decide: several contacts match, say."""

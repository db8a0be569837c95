"""What the import of a book does: one line is one account, with its persons and bank accounts, in one change."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from onboarding.domain.errors import Refusal
from onboarding.domain.requirements import AWAITS_USER
from onboarding.door.bank_accounts import AddBankAccount
from onboarding.door.changes import AddPerson, PutAccount
from onboarding.ids import new_id
from onboarding.storage import imports, tables
from onboarding.storage.imports import UNDER_WAY, LineStatus
from onboarding.validation import NOT_AT_CREATION
from onboarding.validation.file_references import account_files, person_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from onboarding.crypto import KeyRing
    from onboarding.door.draft import Draft
    from onboarding.storage.database import Transaction
    from onboarding.validation.file_references import FileReference

Values = dict[str, Any]

CONTENT, ERROR = "import-line", "import-line-error"
"""Purposes under which a line, and what is wrong with it, are sealed for its platform."""

IMPORTED_BEFORE = "import_line_imported_before"
REPEATED = "import_line_repeated"
"""Codes of a line that is an account already, and of one that an earlier line of the import says too."""

ACCOUNT, PERSONS, BANK_ACCOUNTS = "account", "persons", "external_accounts"
"""The parts of a line."""


class NotToPlay(Exception):  # noqa: N818 -- says what is
    """The line is not to be played now: somebody else has, it was replaced, or the import was paused."""


def line_ref(import_id: str, number: int) -> str:
    """The row that a line is sealed for."""
    return f"{import_id}/{number}"


@dataclass(frozen=True, slots=True)
class Found:
    """What a new account is asked for: how many entries await its user, and how its capabilities stand."""

    entries: int
    capabilities: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PlayLine:
    """A line as its row holds it; drawn, it is the change that makes its account.

    The row is locked and read in the transaction of the account: however many play a line at once, it is made once, and
    a line that was mended meanwhile is made as it was mended.
    """

    import_id: str
    number: int
    platform_id: str
    is_dry_run: bool
    exempt: Callable[[str, str], bool]

    async def draw(self, tx: Transaction, ring: KeyRing) -> ImportAccount:
        """Take the line out.

        Raises:
            NotToPlay: see there.
            Refusal: ``import_line_imported_before`` with the account, or ``import_line_repeated``.
        """
        drawn = await imports.draw(tx, self.import_id, self.number)
        if drawn is None or drawn.state not in UNDER_WAY or drawn.is_dry_run != self.is_dry_run:
            raise NotToPlay
        if drawn.line.status != LineStatus.PENDING or drawn.line.sealed is None:
            raise NotToPlay
        # First, since it is so whichever of the two is played first.
        if drawn.same_as is not None:
            raise Refusal(REPEATED, f"Line {drawn.same_as} of this import says the very same.")
        if drawn.imported_as is not None:
            message = "An account was imported from the very same line before."
            raise Refusal(IMPORTED_BEFORE, message, extra={"account": drawn.imported_as})
        plain = ring.open_platform(
            drawn.line.sealed, platform=self.platform_id, purpose=CONTENT, ref=line_ref(self.import_id, self.number)
        )
        said: Values = orjson.loads(plain)
        return ImportAccount(
            self.import_id,
            self.number,
            said[ACCOUNT],
            tuple(said.get(PERSONS, ())),
            tuple(said.get(BANK_ACCOUNTS, ())),
            self.exempt,
        )


@dataclass(frozen=True, slots=True)
class ImportAccount:
    """Make an account with all that its line says. In the same transaction the line's row says that it was made.

    What can't be declared while an account is made is declared behind its persons, as its platform would have to.
    """

    import_id: str
    number: int
    account: Values = field(repr=False)
    persons: tuple[Values, ...] = field(repr=False)
    bank_accounts: tuple[Values, ...] = field(repr=False)
    exempt: Callable[[str, str], bool]
    cause: str = "account.imported"

    @property
    def files(self) -> list[FileReference]:
        """See ``NamesFiles``."""
        named = account_files(self.account, self.exempt)
        return named + [one for person in self.persons for one in person_files(person, self.exempt)]

    def apply(self, draft: Draft) -> None:
        """Raises Refusal with the wire's codes; ``param`` begins with the part of the line that it is about."""
        first, later = _split_declarations(self.account)
        with part(ACCOUNT):
            PutAccount(first, self.exempt, creating=True).apply(draft)
        for place, person in enumerate(self.persons):
            with part(f"{PERSONS}[{place}]"):
                AddPerson(person, new_id("person_"), self.exempt).apply(draft)
        for place, bank in enumerate(self.bank_accounts):
            with part(f"{BANK_ACCOUNTS}[{place}]"):
                AddBankAccount(bank, new_id("ba_"), self.exempt, {}).apply(draft)
        if later:
            with part(ACCOUNT):
                PutAccount(later, self.exempt).apply(draft)

    def note(self, draft: Draft, evaluation: Mapping[str, Any]) -> Found:
        """See ``Noted``."""
        awaited = [one for one in evaluation["requirements"]["entries"] if one["awaiting_action_from"] == AWAITS_USER]
        capabilities = {name: one["status"] for name, one in evaluation["capabilities"].items()}
        draft.batch.update(
            tables.ImportLine,
            {"import_id": self.import_id, "number": self.number},
            status=LineStatus.IMPORTED,
            account_id=draft.account_id,
            sealed=None,
            entries=len(awaited),
            capabilities=capabilities,
        )
        return Found(len(awaited), capabilities)


@contextmanager
def part(name: str) -> Iterator[None]:
    """Whatever is refused in here is about this part of the line."""
    try:
        yield
    except Refusal as refusal:
        param = f"{name}.{refusal.param}" if refusal.param else name
        raise Refusal(
            refusal.code, refusal.message, param=param, kind=refusal.kind, type=refusal.type, extra=refusal.extra
        ) from None


def _split_declarations(account: Values) -> tuple[Values, Values]:
    """An account's parameters without what it can't declare while it is made, and that by itself."""
    identity = account.get("identity") or {}
    attestations = identity.get("attestations") or {}
    later = {name: value for name, value in attestations.items() if name in NOT_AT_CREATION and value}
    if not later:
        return account, {}
    rest = {name: value for name, value in attestations.items() if name not in later}
    first = {**account, "identity": {**identity, "attestations": rest}}
    return first, {"identity": {"attestations": later}}

"""What requirements are called in front of people, from ``texts/*.yaml``: one file for each language.

Two kinds of text that no type checker lets be confused: a :class:`UserText` may be shown to anybody, an
:class:`OperatorText` only to whoever runs the platform. End users learn of a problem only as a :class:`Problem`, and
:meth:`Texts.problem` alone makes those, from a closed list: any other reason is ``under_review`` to them, without a
word about what it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Annotated, Any, Final, Literal, NewType, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from onboarding.catalogue.sources import OurLoader

Locale = Literal["en", "de", "fr", "es"]
Group = Literal[
    "about_you", "your_business", "representative", "owners", "directors", "executives", "guardian", "documents",
    "bank", "agreements", "payments", "other",
]  # fmt: skip
SolutionType = Literal["field", "document", "confirm", "wait", "contact"]
SummaryStatus = Literal[
    "complete", "needed_later", "action_needed", "being_checked", "under_review", "restricted", "closed"
]
Notice = Literal["review", "contact", "unavailable", "checking", "continue", "unknown_field"]

LOCALES: Final[tuple[Locale, ...]] = get_args(Locale)
GROUPS: Final[tuple[Group, ...]] = get_args(Group)
DEFAULT_LOCALE: Final[Locale] = "en"
UNDER_REVIEW, BEING_CHECKED = "under_review", "being_checked"
INFORMATION_MISSING, NOT_AVAILABLE = "information_missing", "not_available"
CONFIRMATION_NEEDED = "confirmation_needed"

PublicCode = NewType("PublicCode", str)
"""The code of a problem that an end user may read."""

_ANY = "*"
_ID_NUMBERS = "id_numbers"
_PAYMENTS = "_payments"
_WORDS_OF_UNKNOWN = 2


class TextsError(Exception):
    """A file of texts can't be used. The message names the file and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class UserText:
    """A text that everybody may read."""

    text: str


@dataclass(frozen=True, slots=True)
class OperatorText:
    """A text for whoever runs the platform. Never shown to an end user."""

    text: str


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something is open, as verifiers, rules and people put it: for no end user's eyes before it is a problem."""

    code: str


@dataclass(frozen=True, slots=True)
class Problem:
    """What an end user is told about why something is still open.

    Raises:
        ValueError: the code is none that end users may read.
    """

    code: PublicCode
    text: UserText

    def __post_init__(self) -> None:
        if self.code not in public_codes():
            raise ValueError("an end user may not read this code")


@dataclass(frozen=True, slots=True)
class FieldText:
    """What a leaf is called, and one sentence about what to give and why."""

    label: UserText
    help: UserText


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


_Line = Annotated[str, Field(min_length=1)]


class _FieldDoc(_Strict):
    label: _Line
    help: _Line


class _ProblemDoc(_Strict):
    user: _Line
    operator: _Line | None = None
    shown_as: _Line | None = None


class _Document(_Strict):
    groups: dict[Group, _Line]
    solutions: dict[SolutionType, _Line]
    summary: dict[SummaryStatus, _Line]
    notices: dict[Notice, _FieldDoc]
    configurations: dict[str, _Line]
    capabilities: dict[str, _Line]
    fields: dict[str, _FieldDoc]
    problems: dict[str, _ProblemDoc]
    reasons: dict[str, _Line] = {}


_COMPLETE: Mapping[str, tuple[str, ...]] = {
    "groups": GROUPS,
    "solutions": get_args(SolutionType),
    "summary": get_args(SummaryStatus),
    "notices": get_args(Notice),
    "configurations": (_ANY,),
    "capabilities": (_ANY, f"{_ANY}{_PAYMENTS}"),
    "fields": (f"{_ID_NUMBERS}.{_ANY}",),
    "problems": (UNDER_REVIEW, BEING_CHECKED, INFORMATION_MISSING, NOT_AVAILABLE, CONFIRMATION_NEEDED),
}
"""What every file must have, by section."""


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of one language for end users. No method raises for a name that the files don't know."""

    locale: Locale
    _document: _Document = field(repr=False)

    def group(self, name: Group) -> UserText:
        """The title of a group."""
        return UserText(self._document.groups[name])

    def solution(self, name: SolutionType) -> UserText:
        """What can be done, in a few words."""
        return UserText(self._document.solutions[name])

    def summary(self, status: SummaryStatus) -> UserText:
        """How the account stands, in a sentence."""
        return UserText(self._document.summary[status])

    def notice(self, name: Notice) -> FieldText:
        """Label and help of an item that is about no leaf."""
        return _field_text(self._document.notices[name])

    def configuration(self, name: str) -> UserText:
        """What a configuration is called."""
        known = self._document.configurations
        return UserText(known[name] if name in known else _filled(known[_ANY], name=_readable(name)))

    def capability(self, configuration: str, capability: str) -> UserText:
        """What a capability is called; one that no file names is called by its own words."""
        known = self._document.capabilities
        found = known.get(f"{configuration}.{capability}") or known.get(capability)
        if found is not None:
            return UserText(found)
        if capability.endswith(_PAYMENTS):
            name = _readable(capability.removesuffix(_PAYMENTS)).title()
            return UserText(_filled(known[f"{_ANY}{_PAYMENTS}"], name=name))
        configured = self.configuration(configuration).text
        return UserText(_filled(known[_ANY], name=_readable(capability), configuration=configured))

    def knows(self, leaf: str) -> bool:
        """Whether the files have a text for a leaf."""
        return self._find(leaf) is not None

    def field(self, leaf: str) -> FieldText:
        """Label and help of a leaf; one that no file names, of a platform's own policy, is called by its last words."""
        found = self._find(leaf)
        if found is not None:
            return found
        name = _readable(" ".join(leaf.split(".")[-_WORDS_OF_UNKNOWN:]))
        return _field_text(self._document.notices["unknown_field"], name=name)

    def problem(self, reason: Reason) -> Problem:
        """What an end user may know about a reason."""
        public = _public(reason.code)
        return Problem(public.code, UserText(self._document.problems[public.text_of].user))

    def _find(self, leaf: str) -> FieldText | None:
        """The text of the longest end of the path that has one: an address is an address, whosever it is."""
        parts = leaf.split(".")
        for start in range(len(parts)):
            doc = self._document.fields.get(".".join(parts[start:]))
            if doc is not None:
                return _field_text(doc)
        if _ID_NUMBERS in parts[:-1]:
            kind = parts[parts.index(_ID_NUMBERS) + 1]
            country = kind.partition("_")[0].upper()
            return _field_text(self._document.fields[f"{_ID_NUMBERS}.{_ANY}"], country=country)
        return None


@dataclass(frozen=True, slots=True)
class OperatorTexts:
    """What operators read beside it. In English only."""

    _document: _Document = field(repr=False)

    def reason(self, reason: Reason) -> OperatorText:
        """What a reason means: an error code, a capability's status code, or whatever a verifier said."""
        code = reason.code
        problem = self._document.problems.get(code)
        if problem is not None and problem.operator is not None:
            return OperatorText(problem.operator)
        known = self._document.reasons
        return OperatorText(known[code] if code in known else _filled(known[_ANY], code=code))


@cache
def texts_of(locale: Locale) -> Texts:
    """The texts of a language; its file is read once.

    Raises:
        TextsError: the file does not follow the schema, or does not have the keys that the English one has.
    """
    english, document = _document_of(DEFAULT_LOCALE), _document_of(locale)
    for section in _COMPLETE:
        differing = getattr(english, section).keys() ^ getattr(document, section).keys()
        if differing:
            names = ", ".join(sorted(differing))
            raise TextsError(f"{locale}.yaml: {section} must have the same keys as en.yaml: {names}")
    if locale != DEFAULT_LOCALE and (document.reasons or any(one.operator for one in document.problems.values())):
        raise TextsError(f"{locale}.yaml: texts for operators are in en.yaml only")
    return Texts(locale, document)


@cache
def operator_texts() -> OperatorTexts:
    """The texts for operators.

    Raises:
        TextsError: the file does not follow the schema, or a problem lacks its text.
    """
    document = _document_of(DEFAULT_LOCALE)
    lacking = [code for code, problem in document.problems.items() if problem.operator is None]
    if lacking or _ANY not in document.reasons:
        raise TextsError(f"en.yaml: operators have no text for {', '.join(lacking) or 'other reasons'}")
    return OperatorTexts(document)


@cache
def public_codes() -> frozenset[str]:
    """The codes of problems that end users may read. What stands in for another code is not replaced itself."""
    problems = _document_of(DEFAULT_LOCALE).problems
    shown = frozenset(code for code, problem in problems.items() if problem.shown_as is None)
    for code, problem in problems.items():
        if problem.shown_as is not None and problem.shown_as not in shown:
            raise TextsError(f"en.yaml: {code} is shown as {problem.shown_as}, which end users may not read")
    return shown


def parse(name: str, text: str) -> _Document:
    """One file of texts.

    Raises:
        TextsError: it is no YAML, or not of the schema.
    """
    try:
        raw: Any = yaml.load(text, Loader=OurLoader)  # noqa: S506 -- a safe one
        document = _Document.model_validate(raw)
    except (yaml.YAMLError, ValidationError) as error:
        raise TextsError(f"{name}: {error}") from error
    for section, names in _COMPLETE.items():
        lacking = [one for one in names if one not in getattr(document, section)]
        if lacking:
            raise TextsError(f"{name}: {section} lacks {', '.join(lacking)}")
    return document


@cache
def _document_of(locale: Locale) -> _Document:
    name = f"{locale}.yaml"
    file = resources.files("onboarding.catalogue") / "texts" / name
    return parse(name, file.read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class _Public:
    """What stands for a reason in front of end users; ``text_of`` is the problem whose text tells it."""

    code: PublicCode
    text_of: str


def _public(code: str) -> _Public:
    problem = _document_of(DEFAULT_LOCALE).problems.get(code)
    if problem is None:
        return _Public(PublicCode(UNDER_REVIEW), UNDER_REVIEW)
    return _Public(PublicCode(problem.shown_as or code), code)


def _field_text(doc: _FieldDoc, **values: str) -> FieldText:
    return FieldText(UserText(_filled(doc.label, **values)), UserText(_filled(doc.help, **values)))


def _filled(text: str, **values: str) -> str:
    """Not ``format``: what is filled in may be anybody's words."""
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def _readable(name: str) -> str:
    words = name.replace(".", " ").replace("_", " ").strip()
    return words[:1].upper() + words[1:]

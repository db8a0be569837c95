"""Facts that accounts and persons are described with alike: addresses, dates, id numbers, acceptances, files."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from api.schemas.fields import Amount64, Country, Currency, Parameters, Text, Timestamp


class Address(Parameters):
    """A postal address. That a new one needs its country is checked when it is known what is there already."""

    city: Text | None = None
    country: Country | None = None
    line1: Text | None = None
    line2: Text | None = None
    postal_code: Text | None = None
    state: Text | None = None
    town: Text | None = None


class ScriptAddresses(Parameters):
    """An address in the Japanese scripts."""

    kana: Address | None = None
    kanji: Address | None = None


class DateParts(Parameters):
    """A date in three numbers; whether the calendar has it is checked with the rest of the values."""

    day: Annotated[int, Field(ge=0, le=99)]
    month: Annotated[int, Field(ge=0, le=99)]
    year: Annotated[int, Field(ge=0, le=9999)]


class Amount(Parameters):
    """An amount of money in the currency's smallest unit."""

    currency: Currency
    value: Amount64


class IdNumber(Parameters):
    """A person's number in a public register. ``value`` is write-only: no response ever carries it."""

    type: Text
    value: Text


class BusinessIdNumber(IdNumber):
    """A business's number in a public register."""

    registrar: Text | None = None


class Acceptance(Parameters):
    """When, from where and with what somebody accepted or declared something."""

    date: Timestamp | None = None
    ip: Text | None = None
    user_agent: Text | None = None


class Files(Parameters):
    """A document of any number of files, by their ids."""

    files: Annotated[list[Text], Field(max_length=50)]
    type: Literal["files"]


class Signer(Parameters):
    """Who signed a document."""

    person: Text


class SignedFiles(Files):
    """A document of files that a person signed."""

    signer: Signer | None = None


class FrontBackFiles(Parameters):
    """Ids of the files with a document's two sides; an update may send one side only."""

    back: Text | None = None
    front: Text | None = None


class FrontBack(Parameters):
    """A document with a front and perhaps a back."""

    front_back: FrontBackFiles
    type: Literal["front_back"]

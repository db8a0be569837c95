"""The rules: what is wrong with a profile, as codes of the contract; nothing where nothing is.

A refusal that is wrong costs an honest business a day, one that is missing costs a look later. So a rule speaks only
where it is sure, and what it can't judge passes.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from onboarding.verifiers.profile.denylist import LONGEST_BRAND
from onboarding.verifiers.profile.hosts import addresses_in, host_of, is_below
from onboarding.verifiers.profile.names import LEGAL_FORMS, is_latin, is_recognisable, is_same, name_of, runs

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from onboarding.verifiers.profile.denylist import Denylist
    from onboarding.verifiers.profile.names import Name

SHORTEST_DESCRIPTION = 10
SHORTEST_DESCRIPTOR = 5

_NOT_A_NAME = re.compile(r"(?:https?://|www\.)\S+|[^\s@]+@[^\s@]+\.[^\s@]+")
"""An address of the web or of mail, and nothing else. A bare ``acme.com`` is not meant: many trade under that."""

_ARTICLES = frozenset(("a", "an", "the", "my", "our"))


def name_problems(registered: str, trading: str, denylist: Denylist) -> tuple[str, ...]:
    """What is wrong with the registered name and the doing-business-as name; empty for one that was not given."""
    problems: list[str] = []
    company, business = name_of(registered), name_of(trading)
    if _bears_brand(company, denylist):
        problems.append("invalid_company_name_denylisted")
    if _bears_brand(business, denylist):
        problems.append("invalid_business_profile_name_denylisted")
    elif trading and not is_same(business, [company] if company.words else []) and _is_no_name(trading, denylist):
        # A company that is registered as "4711" or "The Shop" may be called so.
        problems.append("invalid_business_profile_name")
    return tuple(problems)


def descriptor_problems(
    descriptor: str, prefix: str, registered: str, trading: str, denylist: Denylist
) -> tuple[str, ...]:
    """What is wrong with a statement descriptor and its prefix; any of the four texts may be empty.

    Both have to be recognisable only where the registered name is known: without it the account is an individual's, who
    may as well be known by their own name, which is not told here.
    """
    texts = [text for text in (registered, trading) if text]
    names = [name for name in map(name_of, texts) if name.words]
    is_judged = bool(name_of(registered).words) and all(map(is_latin, texts))
    problems: list[str] = []
    full = name_of(descriptor)
    if descriptor:
        if _is_refused(full, names, denylist):
            problems.append("invalid_statement_descriptor_denylisted")
        elif len(descriptor) < SHORTEST_DESCRIPTOR:
            problems.append("invalid_statement_descriptor_length")
        elif is_judged and is_latin(descriptor) and not _is_known(full, names):
            problems.append("invalid_statement_descriptor_business_mismatch")
    if prefix:
        short = name_of(prefix)
        # Whoever knows the descriptor knows its beginning.
        known = [*names, full] if full.words and not problems else names
        if _is_refused(short, names, denylist):
            problems.append("invalid_statement_descriptor_prefix_denylisted")
        elif is_judged and is_latin(prefix) and not _is_beginning(prefix, texts) and not _is_known(short, known):
            problems.append("invalid_statement_descriptor_prefix_mismatch")
    return tuple(problems)


def description_problems(description: str, denylist: Denylist) -> tuple[str, ...]:
    """What is wrong with a product description. One that is only a web address is told so, not that it is short."""
    for host, has_path in addresses_in(description):
        if has_path or not is_below(host, denylist.shared_hosts):
            return ("invalid_url_web_presence_detected",)
    if len(_without_frame(description)) < SHORTEST_DESCRIPTION:
        return ("invalid_product_description_length",)
    return ()


def website_problems(url: str, denylist: Denylist) -> tuple[str, ...]:
    """What is wrong with a website before anybody looked at it."""
    host = host_of(url)
    return ("invalid_url_denylisted",) if host and is_below(host, denylist.hosts) else ()


def _bears_brand(name: Name, denylist: Denylist) -> bool:
    if not denylist.brands.isdisjoint(runs(name.words, LONGEST_BRAND)):
        return True
    rest = "".join(_without(name.words, denylist.beside_brand_words))
    return rest in denylist.brand_words


def _without(words: Sequence[str], others: Collection[str]) -> tuple[str, ...]:
    return tuple(word for word in words if word not in LEGAL_FORMS and word not in others)


def _is_no_name(text: str, denylist: Denylist) -> bool:
    name = name_of(text)
    is_mute = not any(character.isalpha() for character in text)
    return is_mute or _NOT_A_NAME.fullmatch(text.strip()) is not None or _is_among(name, denylist.generic_names)


def _is_refused(text: Name, names: Sequence[Name], denylist: Denylist) -> bool:
    if _bears_brand(text, denylist):
        return True
    return _is_among(text, denylist.generic_descriptors) and not is_same(text, names)


def _is_among(name: Name, phrases: Collection[str]) -> bool:
    words = list(_without(name.words, ()))
    while words and words[0] in _ARTICLES:
        del words[0]
    return not {name.joined, "".join(words)}.isdisjoint(phrases)


def _is_beginning(prefix: str, texts: Sequence[str]) -> bool:
    """Whether a name begins so to the letter: a short name cut off may leave less than any word."""
    return any(text.casefold().startswith(prefix.casefold()) for text in texts)


def _is_known(text: Name, names: Sequence[Name]) -> bool:
    return not text.words or any(is_recognisable(text, name) for name in names)


def _without_frame(text: str) -> str:
    """A text without the marks, signs and spaces around it: dots do not make a description longer."""
    framing = [unicodedata.category(character)[0] in "PSZC" for character in text]
    if all(framing):
        return ""
    return text[framing.index(False) : len(text) - framing[::-1].index(False)]

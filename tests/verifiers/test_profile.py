"""Reviews of a profile by rules: what is refused, and how much is not."""

# ruff: noqa: RUF001 -- letters that look like Latin ones are part of what is shown
from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from onboarding.catalogue import builtin_policy
from onboarding.domain.state import Outcome
from onboarding.settings import SettingsError
from onboarding.shape import account_leaves
from onboarding.verifiers.port import Question, Verifier
from onboarding.verifiers.profile import Denylist, ProfileVerifier, bundled_denylist, read_denylist
from onboarding.verifiers.profile.denylist import MAX_BYTES
from onboarding.verifiers.profile.rules import description_problems, descriptor_problems, name_problems
from onboarding.verifiers.profile.verifier import (
    DESCRIPTION,
    DESCRIPTOR,
    PREFIX,
    REGISTERED_NAME,
    TRADING_NAME,
    WEBSITE,
)

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
MARKER = "zqxmarkerqxz"
COMPANY, TRADING = "invalid_company_name_denylisted", "invalid_business_profile_name_denylisted"
NO_NAME = "invalid_business_profile_name"
DENIED, SHORT, MISMATCH = (
    f"invalid_statement_descriptor_{end}" for end in ("denylisted", "length", "business_mismatch")
)
PREFIX_DENIED, PREFIX_MISMATCH = (f"invalid_statement_descriptor_prefix_{end}" for end in ("denylisted", "mismatch"))
WEB = "invalid_url_web_presence_detected"
TOO_SHORT = "invalid_product_description_length"
PATHS = {
    REGISTERED_NAME: ("identity", "business_details", "registered_name"),
    TRADING_NAME: ("defaults", "profile", "doing_business_as"),
    DESCRIPTION: ("defaults", "profile", "product_description"),
    WEBSITE: ("defaults", "profile", "business_url"),
    DESCRIPTOR: ("configuration", "merchant", "statement_descriptor", "descriptor"),
    PREFIX: ("configuration", "merchant", "statement_descriptor", "prefix"),
}


@pytest.fixture(scope="module")
def verifier() -> ProfileVerifier:
    return ProfileVerifier(bundled_denylist())


def asked(kind: str, **said: str) -> Question:
    """A question as the engine puts it: the leaves of an account with these values."""
    paths = {path[-1]: (leaf, path) for leaf, path in PATHS.items()}
    inputs: dict[str, str] = {}
    for name, value in said.items():
        leaf, path = paths[name]
        document: object = value
        for part in reversed(path):
            document = {part: document}
        assert isinstance(document, dict)
        inputs |= {found: text for found, text in account_leaves(document).items() if found == leaf}
    return Question("check_1", kind, "account", "digest", inputs, NOW)


def reasons(verifier: ProfileVerifier, kind: str, **said: str) -> list[str]:
    answer = verifier.answer(asked(kind, **said))
    assert answer is not None
    assert answer.outcome is (Outcome.FAILED if answer.reasons else Outcome.PASSED)
    return list(answer.reasons)


def test_inputs_and_codes_are_those_of_the_catalogue() -> None:
    policy = builtin_policy()
    kinds = {
        "name_review": {REGISTERED_NAME, TRADING_NAME},
        "descriptor_review": {DESCRIPTOR, PREFIX, REGISTERED_NAME, TRADING_NAME},
        "description_review": {DESCRIPTION},
        "website_review": {WEBSITE},
    }

    assert {kind: set(policy.checks[kind].inputs) for kind in kinds} == kinds
    assert {
        COMPANY, TRADING, NO_NAME, DENIED, SHORT, MISMATCH, PREFIX_DENIED, PREFIX_MISMATCH, WEB, TOO_SHORT,
        "invalid_url_denylisted",
    } <= policy.errors.keys()  # fmt: skip


def test_it_answers_at_once_and_says_by_what(verifier: ProfileVerifier) -> None:
    question = asked("name_review", registered_name=f"{MARKER} PayPal Ltd")
    answer = verifier.answer(question)

    assert answer == verifier.answer(question)
    assert answer is not None
    assert (answer.verifier, answer.occurred_at, answer.basis, answer.detail) == ("profile", NOW, None, None)
    assert re.fullmatch(r"1\+[0-9a-f]{12}", answer.verifier_version)
    assert MARKER not in repr(answer)
    assert not isinstance(verifier, Verifier)


@pytest.mark.parametrize("kind", ["screening", "registry_match", "bank_account_match", "", "no_such_kind"])
def test_other_kinds_are_not_its_own(verifier: ProfileVerifier, kind: str) -> None:
    assert verifier.answer(asked(kind, registered_name="PayPal")) is None


@pytest.mark.parametrize(
    "name",
    [
        "PayPal", "PAYPAL", "Pay Pal", "PayPal Partners Ltd", "The American-Express Company", "Ａmerican Express",
        "Máster Card GmbH", "Visa", "Visa Inc.", "VISA Europe Limited", "Visa S.A.R.L.", "Amex", "Apple Pay Kiosk",
    ],
)  # fmt: skip
def test_brands_are_refused(verifier: ProfileVerifier, name: str) -> None:
    assert reasons(verifier, "name_review", registered_name=name) == [COMPANY]
    assert reasons(verifier, "name_review", doing_business_as=name) == [TRADING]
    assert reasons(verifier, "name_review", registered_name=name, doing_business_as=name) == [COMPANY, TRADING]


@pytest.mark.parametrize(
    "name",
    [
        "Visage", "Visagistik Müller", "Harbour Visa Advice", "Visa & Passport Services Ltd", "Revisa GmbH", "Stripes",
        "Pay Palace", "Western Onion Bakery", "American Pie Express", "Apple Payroll Orchard",
        "7-Eleven", "24/7 Gym", "Łukrecja Świerzbińska", "Ελληνικός Καφές", "日本料理店", "مطعم الشام", "M&S", "X",
        "O'Neill's", "Acme.com", "The Company Store", "Test Valley Brewery", "Shop A", "Le Shop", "Photos @ Home",
        "AG", "Oy", "Zoo",
    ],
)  # fmt: skip
def test_honest_names_pass(verifier: ProfileVerifier, name: str) -> None:
    assert reasons(verifier, "name_review", registered_name=name) == []
    assert reasons(verifier, "name_review", doing_business_as=name) == []


@pytest.mark.parametrize(
    "name",
    [
        "4711", "--- !", "🍕🍕", "...", "Business", "My Shop", "the  company", "Shop Ltd.", "N/A", "none", "TEST",
        "https://acme.com", "HTTP://acme.com/shop", "www.acme.co.uk", "joe@acme.com",
    ],
)  # fmt: skip
def test_what_is_no_name_at_all(verifier: ProfileVerifier, name: str) -> None:
    assert reasons(verifier, "name_review", doing_business_as=name) == [NO_NAME]
    assert reasons(verifier, "name_review", doing_business_as=name, registered_name="Harbour Coffee Ltd") == [NO_NAME]
    # The contract has no such code for a registered name: the registry decides that.
    assert reasons(verifier, "name_review", registered_name=name) == []


@pytest.mark.parametrize(
    ("registered", "trading"),
    [("4711 GmbH", "4711"), ("The Shop Ltd", "Shop"), ("www.acme.de GmbH", "www.acme.de"), ("Business SA", "business")],
)
def test_what_a_company_is_registered_as_is_a_name(verifier: ProfileVerifier, registered: str, trading: str) -> None:
    assert reasons(verifier, "name_review", registered_name=registered, doing_business_as=trading) == []


@pytest.mark.parametrize(
    ("registered", "trading", "descriptor"),
    [
        ("Harbour Coffee Ltd", "", "HARBOUR COFFEE"),
        ("Harbour Coffee Ltd", "", "HARBOURCOFFEE.COM"),
        ("Harbour Coffee Ltd", "", "WWW.HARBOUR-COFFEE.CO"),
        ("Harbour Coffee Ltd", "", "COFFEE BY THE SEA"),
        ("Harbour Coffee Ltd", "", "HARBOR ROASTERS"),
        ("Harbour Coffee Ltd", "", "HRBR COF"),
        ("Harbour Coffee Ltd", "", "HC ONLINE"),
        ("Harbour Coffee Ltd", "", "HARB LONDON"),
        ("Harbour Coffee Ltd", "", "THE HARBUOR"),
        ("International Business Machines Corporation", "", "IBM ONLINE"),
        ("IBM Corp.", "", "INTL BUSINESS MACHINES"),
        ("Société Générale de Thé S.A.", "", "SOCIETE THE"),
        ("Müller & Söhne GmbH & Co. KG", "", "MUELLER SOEHNE"),
        ("Öko Laden e.K.", "", "OEKO BERLIN"),
        ("Łódzka Piekarnia sp. z o.o.", "", "LODZKA PIEKARNIA"),
        ("O'Brien's Books", "", "OBRIENS"),
        ("M & S Outfitters", "", "M+S LEEDS"),
        ("The Shop Ltd", "", "THE SHOP"),
        ("Payments Ltd", "", "PAYMENTS"),
        ("Zoo Berlin GmbH", "", "ZOO TICKETS"),
        ("Smith Brothers Inc", "", "SMITHBRTHRS"),
        ("Ed Ltd", "", "ED TUTORS"),
        ("Global Trading Services Ltd", "", "GLOBAL TRADING"),
        ("Blue Door Holdings Ltd", "Pizza Pronto", "PIZZA PRONTO LEEDS"),
        ("Blue Door Holdings Ltd", "Pizza Pronto", "BLUE DOOR"),
        ("Кафе Гавань", "", "HARBOUR CAFE"),  # a translation, or not: not judged
        ("Blue Door Ltd", "Кафе Гавань", "HARBOUR CAFE"),
        ("", "Sunny Yoga", "JANE DOE"),  # an individual's own name is not told here
        ("", "", "ANYTHING AT ALL"),
        ("--", "", "ANYTHING AT ALL"),
    ],
)
def test_a_descriptor_that_can_be_recognised(
    verifier: ProfileVerifier, registered: str, trading: str, descriptor: str
) -> None:
    said = {"registered_name": registered, "doing_business_as": trading}
    assert reasons(verifier, "descriptor_review", descriptor=descriptor, **said) == []


@pytest.mark.parametrize(
    ("registered", "trading", "descriptor", "expected"),
    [
        ("Harbour Coffee Ltd", "", "QUICK LOANS", MISMATCH),
        ("Harbour Coffee Ltd", "Harbour", "MEGA DEALS 24", MISMATCH),
        ("Harbour Coffee Ltd", "", "PET SUPPLIES LTD", MISMATCH),
        ("Harbour Services Ltd", "", "BEST SERVICES", MISMATCH),
        ("Müller GmbH", "", "FASTPARTS GMBH", MISMATCH),
        ("Visage Salon Ltd", "", "PAYPAL VISAGE", DENIED),
        ("Visage Salon Ltd", "", "AMERICANEXPRESS", DENIED),
        ("Visage Salon Ltd", "", "VISA CARD", DENIED),
        ("Harbour Coffee Ltd", "", "PAYMENT", DENIED),
        ("Harbour Coffee Ltd", "", "Online Shop", DENIED),
        ("", "", "INVOICE", DENIED),
        ("Harbour Coffee Ltd", "", "A    B", SHORT),  # spaces are collapsed before anybody looks
    ],
)
def test_a_descriptor_that_cannot(
    verifier: ProfileVerifier, registered: str, trading: str, descriptor: str, expected: str
) -> None:
    said = {"registered_name": registered, "doing_business_as": trading}
    assert reasons(verifier, "descriptor_review", descriptor=descriptor, **said) == [expected]


@pytest.mark.parametrize(
    ("descriptor", "prefix", "expected"),
    [
        ("HARBOUR COFFEE", "HARBOUR", []),
        ("HARBOUR COFFEE", "HA", []),
        ("HARBOUR COFFEE", "HC", []),
        ("HARBOUR COFFEE", "HCOF", []),
        ("HARBOUR COFFEE", "COFFEE", []),
        ("HARBOUR ROASTERY", "ROAST", []),  # known from the descriptor
        ("HARBOUR COFFEE", "ZZ", [PREFIX_MISMATCH]),
        ("HARBOUR COFFEE", "LOANS", [PREFIX_MISMATCH]),
        ("HARBOUR COFFEE", "PAYPAL", [PREFIX_DENIED]),
        ("HARBOUR COFFEE", "TEST", [PREFIX_DENIED]),
        ("QUICK LOANS", "LOANS", [MISMATCH, PREFIX_MISMATCH]),
        ("PAYMENT", "VISA", [DENIED, PREFIX_DENIED]),
    ],
)
def test_prefixes(verifier: ProfileVerifier, descriptor: str, prefix: str, expected: list[str]) -> None:
    said = {"registered_name": "Harbour Coffee Ltd", "descriptor": descriptor, "prefix": prefix}
    assert reasons(verifier, "descriptor_review", **said) == expected


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        ("We roast coffee and sell it to cafés", []),
        ("Haircuts 1", []),
        ("Haircuts..", [TOO_SHORT]),
        ("Tea", [TOO_SHORT]),
        ("Tea!!!!!!!!!!!!!", [TOO_SHORT]),
        ("🍕🍕🍕🍕🍕🍕🍕🍕🍕🍕🍕🍕", [TOO_SHORT]),
        ("t  e  a  s", [TOO_SHORT]),
        ("Everything is at https://acme.de/shop", [WEB]),
        ("Everything is at (HTTP://Acme.io).", [WEB]),
        ("see „www.bäckerei-müller.de“", [WEB]),
        ("acme.com", [WEB]),
        ("Order on acme-shop.co.uk, we deliver", [WEB]),
        ("Our products: acme.com/tea", [WEB]),
        ("Handmade jewellery, etsy.com/shop/acme", [WEB]),
        ("We have a page at https://www.facebook.com/acme", [WEB]),
        ("We resell goods from amazon.com and ebay.com to offices", []),
        ("Marketing on www.instagram.com for restaurants", []),
        ("Write to joe@acme.com for a quote", []),
        ("Software in ASP.NET and Node.js for clinics", []),
        ("Fresh bread.It is baked daily", []),
        ("We have no website yet, www. follows", []),
        ("Prices e.g. 3.50 for tea, i.e. cheap", []),
        ("Web design with http and html", []),
    ],
)
def test_descriptions(verifier: ProfileVerifier, description: str, expected: list[str]) -> None:
    assert reasons(verifier, "description_review", product_description=description) == expected


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com", "http://shop.example.com:8080/x", "example.org", "https://EXAMPLE.com./", "https://a.test",
        "https://bit.ly/abc", "https://www.paypal.com/acme", "https://joe:x@visa.com", "https://ｅxample.com",
    ],
)  # fmt: skip
def test_denied_websites(verifier: ProfileVerifier, url: str) -> None:
    assert reasons(verifier, "website_review", business_url=url) == ["invalid_url_denylisted"]


@pytest.mark.parametrize(
    "url",
    [
        "https://acme.com", "https://notexample.com", "https://example.com.acme.de", "https://visa.com.acme.de/visa.com",
        "https://acme.de/?from=paypal.com", "https://visa.com@acme.de", "https://müller.de", "https://[bad", "//", "",
        "https://paypal.me/acme", f"https://{'a' * 300}.de", "https://etsy.com/shop/acme",
    ],
)  # fmt: skip
def test_other_websites_are_for_whoever_looks_at_them(verifier: ProfileVerifier, url: str) -> None:
    assert verifier.answer(asked("website_review", business_url=url)) is None


@pytest.mark.parametrize("kind", ["name_review", "descriptor_review"])
def test_nothing_said_breaks_no_rule(verifier: ProfileVerifier, kind: str) -> None:
    assert reasons(verifier, kind) == []


KINDS = ("name_review", "descriptor_review", "description_review", "website_review")
# With what addresses and folding trip over, lone surrogates too.
TEXT = st.text(max_size=80) | st.text(alphabet="aA.:/@ -'&[]%ßİ\u0301\ud800щ王", max_size=40)


@given(st.sampled_from(KINDS), st.dictionaries(st.sampled_from(sorted(PATHS)), TEXT))
def test_it_answers_any_text(kind: str, inputs: dict[str, str]) -> None:
    verifier = ProfileVerifier(bundled_denylist())
    answer = verifier.answer(Question("check_1", kind, "account", "digest", inputs, NOW))

    assert answer is not None or kind == "website_review"
    assert answer is None or answer.reasons == tuple(dict.fromkeys(answer.reasons))


@given(TEXT)
def test_without_a_denylist_a_name_is_never_denied(text: str) -> None:
    assert {COMPANY, TRADING}.isdisjoint(name_problems(text, text, Denylist()))


@example("0:::::::::0")
@given(st.text(alphabet=st.characters(codec="ascii"), min_size=5, max_size=22))
def test_a_business_may_stand_on_statements_under_its_own_name(name: str) -> None:
    assert descriptor_problems(name, name[:10], name, "", Denylist()) == ()


@given(TEXT)
def test_a_description_of_nothing_but_frame_is_too_short(text: str) -> None:
    assert description_problems(f"--- {text[:5]} ...!", Denylist()) in ((TOO_SHORT,), (WEB,))


def test_the_version_changes_with_what_is_refused_and_not_with_comments(tmp_path: Path) -> None:
    def version(text: str) -> str:
        path = tmp_path / "list.yaml"
        path.write_text(text)
        return ProfileVerifier(read_denylist(path)).version

    first = version("brands: [Orchard Pay, Other]\n")

    assert version("# why\nbrands:\n  - other\n  - ORCHARD PAY # said so\n") == first
    assert version("brands: [Orchard Pay]\n") != first
    assert version("brand_words: [Orchard Pay, Other]\n") != first


def test_a_list_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "list.yaml"
    path.write_bytes("\ufeffbrands: [Örchard Pay, 1984, no]\nhosts: [Müller.test]\nbrand_words: []\n".encode())
    verifier = ProfileVerifier(read_denylist(path))

    for denied in ("ORCHARD-PAY Ltd", "Orchardpay", "1984 Books", "No Ltd"):
        assert reasons(verifier, "name_review", registered_name=denied) == [COMPANY]
    assert reasons(verifier, "name_review", registered_name="Orchard", doing_business_as="PayPal") == []
    assert reasons(verifier, "website_review", business_url="https://a.müller.test") == ["invalid_url_denylisted"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ": expected a map with some of brands, brand_words"),
        ("- PayPal\n", " line 1: expected a map with some of"),
        ("brands: [a]\nbrand: [b]\n", " line 2: expected a map with some of"),
        ("brands: [a]\n[b]: [c]\n", " line 2: expected a map with some of"),
        ("brands: [a]\nhosts: []\nbrands: [b]\n", " line 3: expected brands once only"),
        ("brands:\n", " line 1: expected a list of texts below brands, [] for none"),
        ("brands:\n  - a\n  - {b: c}\n", " line 3: expected a text with a letter or digit"),
        ("brands:\n  - a\n  -\n", " line 3: expected a text with a letter or digit"),
        ("brands:\n  - '***'\n", " line 2: expected a text with a letter or digit"),
        ("brands: &a\n  - a\n  - *a\n", " line 1: expected a text with a letter or digit"),
        ("brands:\n  - one two three four five\n", " line 2: expected a text of at most 4 words"),
        ("beside_brand_words:\n  - credit card\n", " line 2: expected a text of at most 1 words"),
        ("hosts:\n  - a.com\n  - https://b.com\n", " line 3: expected a host such as example.com"),
        ("hosts:\n  - b.com/c\n", " line 2: expected a host"),
        ("hosts:\n  - '*.b.com'\n", " line 2: expected a host"),
        ("hosts:\n  - a@b.com\n", " line 2: expected a host"),
        ("hosts:\n  - .b.com\n", " line 2: expected a host"),
        ("brands:\n  - a\n hosts: [\n", " line 3: expected YAML ("),
        ("brands: [a]\n---\nbrands: [b]\n", " line 2: expected YAML ("),
        ("brands: [\x00]\n", ": expected YAML in plain characters"),
        ("[" * 5000, ": expected YAML in plain characters"),
    ],
)  # fmt: skip
def test_a_broken_list_is_refused_with_its_line(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "list.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError) as failure:
        read_denylist(path)

    message = str(failure.value)
    assert message.startswith(f"ONBOARDING_PROFILE_DENYLIST: list.yaml{expected}")
    assert "\n" not in message


def test_a_list_that_is_not_there_not_text_or_too_long_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "list.yaml"
    with pytest.raises(SettingsError, match=r"list\.yaml: expected a file that can be read \(FileNotFoundError\)"):
        read_denylist(path)
    with pytest.raises(SettingsError, match=r"expected a file that can be read \(IsADirectoryError\)"):
        read_denylist(tmp_path)
    path.write_bytes(b"brands: [\xff]\n")
    with pytest.raises(SettingsError, match=r"list\.yaml: expected UTF-8"):
        read_denylist(path)
    path.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(SettingsError, match=f"expected at most {MAX_BYTES} bytes"):
        read_denylist(path)

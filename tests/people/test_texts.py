"""The texts: all there, in all languages, and nothing in them that end users may not read."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any, get_args

import pytest
import yaml
from stripe.v2.core import _account

from onboarding.catalogue import builtin_policy
from onboarding.catalogue import texts as module
from onboarding.catalogue.sources import _Loader
from onboarding.catalogue.texts import (
    DEFAULT_LOCALE,
    GROUPS,
    LOCALES,
    OperatorText,
    Problem,
    PublicCode,
    Reason,
    SolutionType,
    SummaryStatus,
    Texts,
    TextsError,
    UserText,
    operator_texts,
    parse,
    public_codes,
    texts_of,
)
from onboarding.documents.leaves import ACCOUNT_LEAVES, PERSON_LEAVES
from onboarding.domain.policy import AgeNeed, FieldNeed, Policy, ProofNeed
from onboarding.people.leaves import question, relative

CATALOGUE = resources.files("onboarding.catalogue")
LEAVES = ACCOUNT_LEAVES | PERSON_LEAVES
EVERY = pytest.mark.parametrize("texts", [texts_of(locale) for locale in LOCALES], ids=LOCALES)

FORBIDDEN = re.compile(
    r"sanction|sankti|sanción|sancion|fraud|betrug|betrüg|blacklist|denylist|deny list|schwarze liste|sperrliste|"
    r"liste noire|lista negra|watchlist|beobachtungsliste|liste de surveillance|lista de vigilancia|\bpeps?\b|\bppe\b|"
    r"politically exposed|politisch exponiert|politiquement exposée|políticamente expuesta|money laundering|geldwäsche|"
    r"blanchiment|blanqueo|lavado de dinero|terror|screening|forge|fälsch|falsifi|manipul|risk score|risiko|criminal",
    re.IGNORECASE,
)
FAMILIAR = {
    "de": re.compile(r"\b(du|dich|dir|dein\w*)\b", re.IGNORECASE),
    "fr": re.compile(r"\b(tu|toi|ton|ta|tes)\b", re.IGNORECASE),
    "es": re.compile(r"\b(tú|tu|tus|ti|contigo)\b", re.IGNORECASE),
}
NUMBERS = {
    "US": "us_ein us_ssn us_ssn_last_4 us_itin us_itin_last_4",
    "GB": "gb_crn gb_vat gb_nino",
    "DE": "de_hrn de_stn de_vat",
    "FR": "fr_rna fr_siren fr_vat fr_nir",
    "ES": "es_cif es_vat es_nif",
    "IT": "it_rea it_vat it_cf",
    "NL": "nl_kvk nl_rsin nl_vat nl_bsn",
    "IE": "ie_crn ie_trn ie_vat ie_ppsn",
    "CA": "ca_cn ca_crarr ca_gst_hst ca_neq ca_rid ca_sin",
    "AT": "at_fn at_stn at_vat",
    "BE": "be_cbe be_vat be_nrn",
    "PT": "pt_vat pt_nif",
    "LU": "lu_nif lu_rcs lu_vat",
    "FI": "fi_vat fi_yt fi_hetu",
    "NO": "no_orgnr no_nin",
    "SE": "se_orgnr se_vat se_pin",
    "DK": "dk_cvr dk_vat dk_cpr",
    "PL": "pl_nip pl_regon pl_vat pl_pesel",
    "CH": "ch_chid ch_uid ch_oasi",
}
"""Numbers that have a name of their own, by country."""


@cache
def raw(locale: str) -> dict[str, Any]:
    """The file as it stands; a doubled key is an error."""
    found: dict[str, Any] = yaml.load((CATALOGUE / "texts" / f"{locale}.yaml").read_text(), Loader=_Loader)  # noqa: S506
    return found


def user_texts(node: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every text that an end user may read, with its place."""
    for key, value in node.items():
        if key in ("operator", "shown_as", "reasons"):
            continue
        if isinstance(value, Mapping):
            yield from user_texts(value, f"{path}.{key}")
        else:
            yield f"{path}.{key}", value


def asked_by(policy: Policy) -> Iterator[str]:
    """Every description that a policy can raise."""
    for rule in policy.rules:
        prefixes = [""] if rule.of == "account" else ["", f"{policy.roles[rule.of].prefix}."]
        for need in rule.needs:
            paths: list[str] = []
            match need:
                case FieldNeed():
                    paths = [need.path, *(path for option in need.options for path in option)]
                case AgeNeed():
                    paths = [*need.paths]
                case ProofNeed():
                    paths = [*need.pending, *(path for option in need.accepts for path in option)]
                    paths += policy.checks[need.check].requires
                    paths += (path for kind in need.alternatives for path in policy.checks[kind].requires)
                    for remedy in need.remedies.values():
                        paths += [*remedy.paths, *(path for option in remedy.options for path in option)]
            yield from (f"{prefix}{path}" for path in paths for prefix in prefixes)


def codes_of_packs(node: Any) -> Iterator[str]:
    """Every error code that a pack names."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            if key in ("remedies", "errors"):
                yield from (code for code in value if code != "*")
            elif key == "error":
                yield value
            yield from codes_of_packs(value)
    elif isinstance(node, list):
        for part in node:
            yield from codes_of_packs(part)


@EVERY
def test_every_leaf_of_the_contract_has_a_text(texts: Texts) -> None:
    lacking = {leaf for leaf in LEAVES if not (texts.knows(leaf) and texts.knows(question(leaf)))}

    assert lacking == set()


@EVERY
def test_whatever_the_builtin_policy_asks_has_a_text_that_shows_no_path(texts: Texts) -> None:
    asked = set(asked_by(builtin_policy()))
    assert len(asked) > 50

    for description in asked:
        leaf = relative(description)
        assert texts.knows(leaf), description
        for text in (texts.field(leaf), texts.field(question(leaf))):
            for words in (text.label.text, text.help.text):
                assert not re.search(r"\w[._]\w|[{}]", words), (description, words)


@EVERY
def test_numbers_of_the_common_countries_have_names_of_their_own(texts: Texts) -> None:
    for country, numbers in NUMBERS.items():
        generic = texts.field(f"id_numbers.{country.lower()}_unheard_of").label.text
        assert country in generic
        for number in numbers.split():
            label = texts.field(f"identity.business_details.id_numbers.{number}").label.text
            assert label != generic, number


def test_every_code_that_packs_name_and_the_sdk_knows_has_a_text() -> None:
    sdk = set(re.findall(r'"((?:invalid|unresolvable|verification)_[a-z0-9_]+)"', inspect.getsource(_account)))
    packs = [one for one in (CATALOGUE / "packs").iterdir() if one.name.endswith(".yaml")]
    named = {code for pack in packs for code in codes_of_packs(yaml.safe_load(pack.read_text()))}
    assert (len(sdk), len(packs) > 1, len(named) > 5) == (98, True, True)

    for locale in LOCALES:
        assert sdk | named <= raw(locale)["problems"].keys()
    for code in sdk | named:
        assert code not in operator_texts().reason(Reason(code)).text


def test_all_languages_have_the_same_keys_and_their_own_words() -> None:
    files = {locale: dict(user_texts(raw(locale))) for locale in LOCALES}
    english = files[DEFAULT_LOCALE]

    for locale, texts in files.items():
        assert texts.keys() == english.keys()
        if locale != DEFAULT_LOCALE:
            sentences = [place for place in texts if place.endswith((".help", ".user"))]
            assert len(sentences) > 300
            assert [place for place in sentences if texts[place] == english[place]] == []


@pytest.mark.parametrize("locale", LOCALES)
def test_no_text_says_what_end_users_may_not_read(locale: str) -> None:
    for place, text in user_texts(raw(locale)):
        assert not FORBIDDEN.search(text), (place, text)
        assert locale not in FAMILIAR or not FAMILIAR[locale].search(text), (place, text)


def test_the_list_of_forbidden_words_finds_them() -> None:
    assert all(
        FORBIDDEN.search(text) for text in ("on a sanctions list", "a PEP", "Geldwäsche", "liste noire", "fraude")
    )
    assert FORBIDDEN.search(operator_texts().reason(Reason("rejected_fraud")).text)


@EVERY
@pytest.mark.parametrize("reason", ["screening_hit", "name_missing", "rejected_fraud", "rejected_listed", "", "Jenny"])
def test_whatever_is_not_public_is_under_review(texts: Texts, reason: str) -> None:
    assert texts.problem(Reason(reason)) == texts.problem(Reason("under_review"))


@EVERY
def test_no_code_says_what_end_users_may_not_read(texts: Texts) -> None:
    for code in raw(DEFAULT_LOCALE)["problems"]:
        shown = texts.problem(Reason(code))
        assert not FORBIDDEN.search(shown.code.replace("_", " ")), code
        assert not re.search("fraud|deny|manipul", shown.code), code
        assert shown.text.text == raw(texts.locale)["problems"][code]["user"]


def test_only_public_codes_make_a_problem() -> None:
    assert {"under_review", "verification_failed_keyed_identity"} <= public_codes()
    for code in ("verification_document_fraudulent", "screening_hit", "rejected_fraud"):
        with pytest.raises(ValueError, match="may not read"):
            Problem(PublicCode(code), UserText("something"))


def test_the_type_checker_keeps_the_texts_apart() -> None:
    # Were the types to become one, these ignores would be unused, and that is an error.
    def shown(text: UserText) -> str:
        return text.text

    def told(text: OperatorText) -> str:
        return text.text

    assert shown(OperatorText("a"))  # type: ignore[arg-type]
    assert told(UserText("a"))  # type: ignore[arg-type]
    Problem("under_review", UserText("a"))  # type: ignore[arg-type]
    with pytest.raises(AttributeError):
        texts_of("en").problem("under_review")  # type: ignore[arg-type]


@EVERY
def test_leaves_of_a_platforms_own_are_called_by_their_last_words(texts: Texts) -> None:
    found = texts.field("identity.business_details.tax_regime.name_of_office")

    assert not texts.knows("identity.business_details.tax_regime.name_of_office")
    assert found.label.text == "Tax regime name of office"
    assert found.help.text.endswith(".")
    assert texts.field("trustees.given_name") == texts.field("given_name")


@EVERY
def test_capabilities_have_names(texts: Texts) -> None:
    for name in builtin_policy().capabilities:
        words = texts.capability(*name.split(".", 1)).text
        assert not re.search(r"[._{}()]", words), name
    assert "Klarna" in texts.capability("merchant", "klarna_payments").text
    assert texts.capability("storer", "own_thing.first").text == "Own thing first (Storer)"
    assert {texts.configuration(name).text for name in ("merchant", "recipient")}.isdisjoint({"merchant", "recipient"})
    titles = [texts.group(group).text for group in GROUPS]
    titles += [texts.solution(kind).text for kind in get_args(SolutionType)]
    titles += [texts.summary(status).text for status in get_args(SummaryStatus)]
    assert len(set(titles)) == len(titles)


GOOD = (CATALOGUE / "texts" / "de.yaml").read_text()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("groups:", "group:"),
        ("  owners: ", "  partners: "),
        ("  wait: ", "  weit: "),
        ("    user: ", "    users: "),
        ("  under_review:\n    user:", "  reviewed:\n    user:"),
        ('  "id_numbers.*":', "  id_numbers:"),
        ('  given_name:\n    label: "Vorname"', '  given_name:\n    label: ""'),
        ('  given_name:\n    label: "Vorname"', "  given_name:\n    label: 7"),
        ("problems:", "problems: ["),
    ],
)
def test_a_file_that_is_wrong_is_refused(old: str, new: str) -> None:
    assert GOOD.count(old) >= 1
    parse("de.yaml", GOOD)

    with pytest.raises(TextsError, match=r"^de\.yaml: "):
        parse("de.yaml", GOOD.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("  surname:\n", "  nachname:\n", "fields must have the same keys as en.yaml: nachname, surname"),
        ("  invalid_tax_id:\n", "  invalid_tax:\n", "problems must have the same keys"),
        ('    user: "', '    operator: "Geheim"\n    user: "', "texts for operators are in en.yaml only"),
    ],
)
def test_a_language_that_differs_from_english_is_refused(
    monkeypatch: pytest.MonkeyPatch, old: str, new: str, message: str
) -> None:
    files = {"en": parse("en.yaml", (CATALOGUE / "texts" / "en.yaml").read_text()), "de": parse("de.yaml", GOOD)}
    monkeypatch.setattr(module, "_document_of", files.__getitem__)
    assert texts_of.__wrapped__("de") == texts_of("de")

    files["de"] = parse("de.yaml", GOOD.replace(old, new, 1))

    with pytest.raises(TextsError, match=message):
        texts_of.__wrapped__("de")

"""Parameters of queries, as the parsers of ``api/schemas`` take them."""

from __future__ import annotations

from api.openapi.described import Query
from api.openapi.schemas import BOOLEAN, INSTANT, ident, listed, one_of
from api.schemas.destinations import URL_INCLUDE
from api.schemas.events import MAX_TYPES
from api.schemas.files import PURPOSES
from api.schemas.queries import DEFAULT_LIMIT, INCLUDES, MAX_LIMIT, VAULT_LIMIT, VERIFICATION_STATUSES
from api.schemas.reviews import Status
from onboarding.catalogue.texts import DEFAULT_LOCALE, LOCALES
from onboarding.imports import MOST_LINES
from onboarding.people import Audience
from onboarding.reviews import REVIEWER_PATTERN
from onboarding.storage.imports import LineStatus

LIMIT = Query(
    "limit",
    {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
    "How many objects a page holds at most.",
)
PAGE = Query(
    "page",
    {"type": "string"},
    "Where the page begins: a token out of `next_page_url` or `previous_page_url` of an earlier answer. Usually these "
    "addresses are followed as they are.",
)
PAGING = (LIMIT, PAGE)
INCLUDE = Query(
    "include",
    listed(one_of(*INCLUDES)),
    "Sections that the answer carries; every other one is null, whatever it holds. Also written `include[0]=` and "
    "`include[]=`.",
)
APPLIED_CONFIGURATIONS = Query(
    "applied_configurations",
    listed(one_of("customer", "merchant", "recipient")),
    "Only accounts that have all of these configurations.",
)
CLOSED = Query("closed", {**BOOLEAN, "default": False}, "Closed accounts instead of open ones.")
OBJECT_ID = Query("object_id", ident("[a-z]+_"), "Only events about this object.")
TYPES = Query(
    "types",
    {**listed({"type": "string", "pattern": r"^[A-Za-z0-9_.\[\]]{1,200}$"}), "maxItems": MAX_TYPES},
    "Only events of these types, such as `v2.core.account[requirements].updated`.",
)
CREATED = Query(
    "created",
    {
        "type": "object",
        "properties": dict.fromkeys(("gt", "gte", "lt", "lte"), INSTANT),
        "additionalProperties": False,
    },
    "Only events of a time: `created[gte]=2026-01-01T00:00:00Z`.",
    style="deepObject",
)
ACCOUNT = Query("account", ident("[a-z]+_"), "Only what belongs to this account.")
REPORTING_ACCOUNT = Query("account", ident("[a-z]+_"), "The account.", required=True)
STATUS = Query("status", one_of(*Status.__args__), "Only reviews that stand so.")  # type: ignore[attr-defined]
QUEUE = Query("queue", {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,63}$"}, "Only reviews of this queue.")
ASSIGNEE = Query("assignee", {"type": "string", "pattern": REVIEWER_PATTERN}, "Only reviews that are assigned so.")
OVERDUE = Query("overdue", BOOLEAN, "Only reviews that should have been decided by now, or with false only others.")
AT = Query("at", INSTANT, "An instant of the account's past, by its own time; now if it is absent.")
CAPABILITY = Query(
    "capability",
    {"type": "string", "pattern": "^[a-z0-9_.]{1,200}$"},
    "Only this capability, as `configuration.capability`, such as `merchant.stripe_balance.payouts`.",
)
LOCALE = Query(
    "locale",
    {
        "type": "string",
        "pattern": "^([Ee][Nn]|[Dd][Ee]|[Ff][Rr]|[Ee][Ss])([-_][A-Za-z0-9]{2,8}){0,3}$",
        "default": DEFAULT_LOCALE,
    },
    f"The language of the texts, as a locale whose language is one of {', '.join(LOCALES)}; `de-AT` is told in German.",
)
AUDIENCE = Query(
    "audience",
    {**one_of(*Audience), "default": Audience.END_USER.value},
    "Who reads it. Do not pass on to end users what is made for operators.",
)
AGAINST = Query("against", {"type": "string"}, "The id of the policy to compare with.", required=True)
FIRST_LINE = Query(
    "first_line",
    {"type": "integer", "minimum": 1, "maximum": MOST_LINES, "default": 1},
    "The number of the first line of the body. Numbers count every line of the file, blank ones too.",
)
LINE_STATUS = Query("status", one_of(*LineStatus), "Only lines that stand so.")
INCLUDE_URL = Query("include", listed(one_of(*URL_INCLUDE)), "What the answer shows that is null otherwise.")
VAULT_PAGE_LIMIT = Query("limit", {**LIMIT.schema, "default": VAULT_LIMIT}, LIMIT.description)
VERIFICATION_STATUS = Query(
    "verification_status",
    one_of(*VERIFICATION_STATUSES),
    "Only those that stand so. All are `unverified` here.",
)
PURPOSE = Query("purpose", one_of(*sorted(PURPOSES)), "Only files for this purpose.")
CREATED_SECONDS = Query(
    "created",
    {
        "type": "object",
        "properties": {key: {"type": "integer", "minimum": 0} for key in ("gt", "gte", "lt", "lte")},
        "additionalProperties": False,
    },
    "Only files of a time, in seconds since 1970: `created[gte]=1767225600`. Also `created=` with one second.",
    style="deepObject",
)
STARTING_AFTER_FILE = Query("starting_after", ident("file_"), "The id of the file before the page.")
ENDING_BEFORE_FILE = Query(
    "ending_before", ident("file_"), "The id of the file behind the page; not together with `starting_after`."
)
V1_LIMIT = Query(
    "limit", {"type": "integer", "minimum": 1, "maximum": 100, "default": 10}, "How many objects a page holds at most."
)
V1_OBJECT = Query("object", one_of("bank_account", "card"), "Only objects of this kind. There are no cards.")
STARTING_AFTER = Query("starting_after", {"type": "string"}, "The id of the object before the page.")
ENDING_BEFORE = Query("ending_before", {"type": "string"}, "The id of the object behind the page.")
EXPAND = Query("expand", listed({"type": "string"}), "Accepted and without effect: nothing can be expanded.")
FILES = (V1_LIMIT, PURPOSE, CREATED_SECONDS, STARTING_AFTER_FILE, ENDING_BEFORE_FILE, EXPAND)

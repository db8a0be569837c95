"""Schemas of answers that no template renders: events, what is this engine's own, v1's objects, refusals.

Each is held against real answers by the tests, in both directions: nothing more, nothing less.
"""

from __future__ import annotations

from api.openapi.accounts import ACCOUNT_ID, DUE, PERSON_ID, STATUSES, account_schemas
from api.openapi.beside import BANK_ACCOUNT_ID, beside_schemas
from api.openapi.schemas import (
    BOOLEAN,
    DAY,
    INSTANT,
    INTEGER,
    METADATA,
    NUMBER,
    OPEN_OBJECT,
    TEXT,
    Schema,
    constant,
    counted,
    ident,
    listed,
    nullable,
    one_of,
    record,
    ref,
)
from onboarding.catalogue.texts import GROUPS, LOCALES
from onboarding.domain.state import CheckState, Outcome
from onboarding.door.imports import IMPORTED_BEFORE, REPEATED
from onboarding.door.review_rows import ReviewState
from onboarding.imports.imports import ALREADY_IMPORTED
from onboarding.people import Audience
from onboarding.reproduction import Result
from onboarding.storage.imports import EXPIRED, ImportState, LineStatus
from onboarding.storage.rollouts import RolloutState

CHECK_ID, EVENT_ID, POLICY_ID = ident("check_"), ident("evt_"), ident("pol_")
REVIEW_ID, ORDER_ID, CLOCK_ID, ROLLOUT_ID = ident("rev_"), ident("ord_"), ident("clock_"), ident("rol_")

_SUBJECT = record({"type": one_of("account", "person"), "person": nullable(PERSON_ID)})
_SINCE = record({"time": INSTANT, "before": BOOLEAN})
_TOTAL = {"amount": INTEGER, "period": TEXT}


def components() -> dict[str, Schema]:
    """All components of answers, by name."""
    return {
        **account_schemas(),
        **beside_schemas(),
        "ActivityReport": record(
            {
                "id": nullable(TEXT),
                "object": constant("v2.verification.activity_report"),
                "account": ACCOUNT_ID,
                "created": INSTANT,
                "currency": TEXT,
                "livemode": BOOLEAN,
                "totals": listed(record(_TOTAL)),
            },
            "What an account turned over, as its platform reported it. `id` is the platform's own; it is gone with an "
            "erased account.",
        ),
        "ActivityTotal": record(
            {"amount": INTEGER, "currency": TEXT, "period": TEXT}, "What counts now of a period: the last report of it."
        ),
        "BankAccount": _bank_account(),
        "Check": _check(),
        "DeletedPerson": record(
            {"id": PERSON_ID, "object": constant("v2.core.account_person"), "deleted": BOOLEAN},
            "What is left of a person.",
            optional=("deleted",),
        ),
        "Description": {**OPEN_OBJECT, "description": "An OpenAPI document: this one."},
        "Error": {
            "type": "object",
            "description": "A refusal. `code` is stable, `message` is one sentence for a developer; nothing in it "
            "repeats a value that was sent.",
            "properties": {
                "code": TEXT,
                "message": TEXT,
                "type": TEXT,
                "param": TEXT,
            },
            "required": ["code", "message"],
        },
        "Event": _event(),
        "Explanation": _explanation(),
        "Health": record(
            {
                "status": one_of("degraded", "ok", "unavailable"),
                "last_sweep_at": nullable(INSTANT),
                "database": constant("unreachable"),
            },
            "How the whole is doing. `degraded`: no sweep has ended for a while, so nobody works on what is accepted. "
            "`unavailable`: the database can't be reached.",
            optional=("last_sweep_at", "database"),
        ),
        "Moment": _moment(),
        "Order": _order(),
        "Ready": record({"status": constant("ready")}, "This process serves requests."),
        "Received": record({"received": BOOLEAN}, "It is kept, and will be looked at."),
        "RequirementsForPeople": _requirements_for_people(),
        "Review": _review(),
        "ReviewNote": _review_note(),
        "TestClock": record(
            {
                "id": CLOCK_ID,
                "object": constant("v2.verification.test_clock"),
                "created": INSTANT,
                "frozen_time": INSTANT,
                "livemode": BOOLEAN,
                "name": nullable(TEXT),
                "status": one_of("advancing", "ready"),
                "target_time": nullable(INSTANT),
            },
            "Time that a platform moves for its sandbox accounts. While it is `advancing`, `target_time` is where it "
            "goes.",
        ),
        "V1Account": _v1_account(),
        **_imports(),
        **_policies(),
    }


def _check() -> Schema:
    redirect = record({"type": constant("redirect_to_url"), "redirect_to_url": record({"url": TEXT})})
    return record(
        {
            "id": CHECK_ID,
            "object": constant("v2.verification.check"),
            "account": ACCOUNT_ID,
            "created": INSTANT,
            "ended": nullable(INSTANT),
            "kind": TEXT,
            "livemode": BOOLEAN,
            "next_action": nullable(redirect),
            "outcome": nullable(one_of(*Outcome)),
            "reasons": listed(TEXT),
            "status": one_of(*CheckState),
            "subject": _SUBJECT,
            "valid_until": nullable(INSTANT),
            "verifier": nullable(TEXT),
        },
        "One question to one verifier about the account or one of its persons. Where the end user has something to do, "
        "`next_action` says where.",
    )


def _review() -> Schema:
    return record(
        {
            "id": REVIEW_ID,
            "object": constant("v2.verification.review"),
            "account": ACCOUNT_ID,
            "assignee": nullable(TEXT),
            "check": nullable(CHECK_ID),
            "created": INSTANT,
            "claimed_by": nullable(TEXT),
            "claimed_until": nullable(INSTANT),
            "decided": nullable(INSTANT),
            "decided_by": nullable(TEXT),
            "decision": nullable(one_of("ask_again", "failed", "passed")),
            "detail": nullable(OPEN_OBJECT),
            "escalated_at": nullable(INSTANT),
            "kind": nullable(TEXT),
            "livemode": BOOLEAN,
            "outcome": nullable(one_of(*Outcome)),
            "overdue": BOOLEAN,
            "priority": INTEGER,
            "proposals": listed(
                record(
                    {
                        "created": INSTANT,
                        "decision": one_of("ask_again", "failed", "passed"),
                        "proposed_by": TEXT,
                        "reasons": listed(TEXT),
                        "reviewer": nullable(TEXT),
                    }
                )
            ),
            "queue": TEXT,
            "reason": TEXT,
            "reviewer": nullable(TEXT),
            "sla_at": nullable(INSTANT),
            "status": one_of(*ReviewState),
            "subject": nullable(_SUBJECT),
        },
        "A check that waits for a person. `outcome` and `detail` are what the verifier found; `reviewer` is the person "
        "at the platform who has claimed or decided it; `proposals` are decisions of single persons where two must "
        "agree.",
    )


def _review_note() -> Schema:
    return record(
        {
            "id": ident("rnote_"),
            "object": constant("v2.verification.review_note"),
            "account": ACCOUNT_ID,
            "created": INSTANT,
            "created_by": TEXT,
            "livemode": BOOLEAN,
            "review": REVIEW_ID,
            "reviewer": nullable(TEXT),
            "text": nullable(TEXT),
        },
        "What somebody noted about a review. `text` is null once the account was erased.",
    )


def _order() -> Schema:
    return record(
        {
            "id": ORDER_ID,
            "object": constant("v2.verification.order"),
            "account": ACCOUNT_ID,
            "audience": one_of("internal", "user"),
            "capability": nullable(TEXT),
            "created": INSTANT,
            "ends_at": nullable(INSTANT),
            "kind": one_of("hold", "reject", "recheck", "extend_deadline", "override_capability", "set_risk_class"),
            "livemode": BOOLEAN,
            "person": nullable(TEXT),
            "placed_by": TEXT,
            "reason": nullable(TEXT),
            "status": one_of("ended", "in_force", "undone"),
            "target": nullable(TEXT),
            "ticket": nullable(TEXT),
            "undone": nullable(INSTANT),
            "undone_by": nullable(TEXT),
        },
        "What somebody decided about an account, beside the rules. Of an operator's internal order a platform sees "
        "neither `reason` nor `ticket`.",
    )


def _event() -> Schema:
    request = record({"id": TEXT, "idempotency_key": TEXT})
    return record(
        {
            "id": EVENT_ID,
            "object": constant("v2.core.event"),
            "type": TEXT,
            "livemode": BOOLEAN,
            "created": INSTANT,
            "effective_at": INSTANT,
            "context": nullable(TEXT),
            "reason": nullable(record({"type": constant("request"), "request": request})),
            "related_object": nullable(record({"id": TEXT, "type": TEXT, "url": TEXT})),
            "data": OPEN_OBJECT,
            "changes": nullable(record({"before": nullable(OPEN_OBJECT), "after": nullable(OPEN_OBJECT)})),
            "snapshot_event": nullable(TEXT),
        },
        "That something changed. `changes` has the changed properties whole, as they were and as they are; it is null "
        "once the account was erased. `reason` is null for what time, a vendor or a worker caused.",
    )


def _moment() -> Schema:
    names = ("actor", "capability", "check", "code", "evidence", "from", "kind", "order", "outcome", "person")
    more = ("requirement", "status", "subject", "to", "verifier", "at")
    change = record(
        {"type": TEXT, "text": TEXT, **{name: nullable(TEXT) for name in (*names, *more)}}, optional=(*names, *more)
    )
    return record(
        {
            "id": ident("moment_"),
            "object": constant("v2.verification.timeline_moment"),
            "account": ACCOUNT_ID,
            "at": INSTANT,
            "actors": listed(TEXT),
            "changes": listed(change),
        },
        "All that happened to an account at one instant of its own time.",
    )


def _explanation() -> Schema:
    policy = {"id": POLICY_ID, "hash": TEXT, "name": nullable(TEXT), "version": nullable(TEXT)}
    ground = record({"type": TEXT, "holds": BOOLEAN}, "A leaf of a rule's condition, and what was found.", others={})
    by = {
        "type": "object",
        "properties": {"type": one_of("check", "evidence", "field")},
        "required": ["type"],
    }
    node = record(
        {
            "rule": TEXT,
            "source": TEXT,
            "subject": record(
                {"type": one_of("account", "person", "role"), "person": nullable(PERSON_ID), "role": nullable(TEXT)}
            ),
            "need": {
                "type": "object",
                "properties": {"type": one_of("age", "check", "field")},
                "required": ["type"],
            },
            "cause": nullable(TEXT),
            "reasons": listed(TEXT),
            "since": _SINCE,
            "by": listed(by),
            "because": listed(ground),
            "status": nullable(DUE),
            "deadline": nullable(INSTANT),
            "blocks": BOOLEAN,
        },
        "One need of one rule, why it applies, and what its answer rests on.",
    )
    order = record(
        {
            "id": ORDER_ID,
            "kind": TEXT,
            "code": nullable(TEXT),
            "reason": nullable(TEXT),
            "audience": one_of("internal", "user"),
            "placed_by": TEXT,
            "starts_at": INSTANT,
            "ends_at": nullable(INSTANT),
        }
    )
    capability = record(
        {
            "configuration": TEXT,
            "capability": TEXT,
            "status": one_of(*STATUSES),
            "status_details": listed(ref("StatusDetail")),
            "since": _SINCE,
            "acknowledged": BOOLEAN,
            "closed": BOOLEAN,
            "unsupported": nullable(record({"code": TEXT, "because": listed(ground)})),
            **{name: listed(node) for name in ("blocked_by", "at_risk", "eventually_due", "satisfied")},
            "orders": listed(order),
        }
    )
    difference = record({"path": TEXT, "stored": {}, "now": {}})
    return record(
        {
            "object": constant("v2.verification.explanation"),
            "account": ACCOUNT_ID,
            "livemode": BOOLEAN,
            "at": INSTANT,
            "as_of": INSTANT,
            "version": nullable(INTEGER),
            "policy": record({**policy, "announced": nullable(record({**policy, "transition_at": INSTANT}))}),
            "evaluator_version": INTEGER,
            "reproduction": nullable(record({"result": one_of(*Result), "differences": listed(difference)})),
            "risk": nullable(
                record(
                    {
                        "class": TEXT,
                        "order": nullable(ORDER_ID),
                        "review": record({"number": INTEGER, "open": BOOLEAN, "due_at": nullable(INSTANT)}),
                    },
                    "The risk class, the order that set it, and the periodic review that is open or comes next.",
                )
            ),
            "capabilities": listed(capability),
        },
        "Why each capability of an account stands as it does, with every rule, its source and what satisfies or "
        "blocks it.",
    )


def _requirements_for_people() -> Schema:
    status = one_of("being_checked", "currently_due", "eventually_due", "past_due", "restricted")
    block = {"configuration": TEXT, "capability": TEXT, "title": TEXT, "status": TEXT, "from": nullable(INSTANT)}
    details = listed(ref("StatusDetail"))
    fields = listed(record({"description": TEXT, "label": TEXT}))
    solution = record(
        {
            "type": one_of("confirm", "contact", "document", "field", "wait"),
            "fields": fields,
            "text": TEXT,
            "url": nullable(TEXT),
        }
    )
    problem = {"code": TEXT, "text": TEXT, "reason": TEXT, "operator_text": TEXT}
    item = {
        "id": TEXT,
        "requirements": listed(TEXT),
        "label": TEXT,
        "help": TEXT,
        "status": status,
        "due": nullable(INSTANT),
        "blocks": listed(record({**block, "status_details": details}, optional=("status_details",))),
        "problems": listed(record(problem, optional=("reason", "operator_text"))),
        "solutions": listed(solution),
    }
    person = nullable(record({"id": PERSON_ID, "name": nullable(TEXT)}))
    group = one_of(*GROUPS)
    return record(
        {
            "object": constant("v2.verification.requirements"),
            "account": ACCOUNT_ID,
            "locale": one_of(*LOCALES),
            "audience": one_of(*Audience),
            "as_of": nullable(INSTANT),
            "summary": record(
                {
                    "status": one_of(
                        "action_needed",
                        "being_checked",
                        "closed",
                        "complete",
                        "needed_later",
                        "restricted",
                        "under_review",
                    ),
                    "due_now": INTEGER,
                    "next_deadline": nullable(INSTANT),
                    "text": TEXT,
                }
            ),
            "groups": listed(record({"group": group, "title": TEXT, "person": person, "items": listed(record(item))})),
            "announced": listed(record({**item, "group": group, "person": person, "from": nullable(INSTANT)})),
        },
        "What is needed, why, by when and every way to settle it, in words. What only an operator reads (`reason`, "
        "`operator_text`, `status_details`) is there with `audience=operator` alone.",
    )


def _imports() -> dict[str, Schema]:
    import_id, line = ident("imp_"), {"type": "integer", "minimum": 1}
    param: Schema = {
        **nullable(TEXT),
        "description": "The parameter by its path in the line, such as `persons[0].given_name`.",
    }
    problem = {
        "code": {
            **TEXT,
            "description": "A code of the requests that the line stands for, or one of a line as a whole: "
            f"`{IMPORTED_BEFORE}` (`account` is the one that was made), `{REPEATED}`, `{ALREADY_IMPORTED}` and "
            f"`{EXPIRED}`.",
        },
        "message": TEXT,
        "param": param,
    }
    return {
        "Import": record(
            {
                "id": import_id,
                "object": constant("v2.verification.import"),
                "accounts_per_second": NUMBER,
                "created": INSTANT,
                "created_by": TEXT,
                "dry_run": BOOLEAN,
                "lines": record(dict.fromkeys(("received", *(status.value for status in LineStatus)), INTEGER)),
                "livemode": BOOLEAN,
                "status": one_of(*ImportState),
            },
            "A book of accounts on its way in. `dry_run` is what it was last started for.",
        ),
        "ImportLine": record(
            {
                "object": constant("v2.verification.import_line"),
                "account": nullable(ACCOUNT_ID),
                "capabilities": nullable(counted(TEXT)),
                "entries": nullable(INTEGER),
                "error": nullable(record(problem)),
                "line": line,
                "status": one_of(*LineStatus),
            },
            "What became of a line. `entries` and `capabilities` are of the account when it was made, or would be: how "
            "many entries of its requirements await its user, and the status of each capability.",
        ),
        "ImportPart": record(
            {
                "object": constant("v2.verification.import_part"),
                "import": import_id,
                "lines": record(
                    dict.fromkeys(("received", "changed", "unchanged", "refused"), INTEGER),
                    "`changed` are new or say something else than before; `refused` are broken, or are accounts "
                    "already and say something else now.",
                ),
                "refused": listed(record({"line": line, **problem})),
            },
            "What was taken in of some lines.",
        ),
    }


def _policies() -> dict[str, Schema]:
    head = {
        "id": POLICY_ID,
        "object": constant("v2.verification.policy"),
        "current": BOOLEAN,
        "hash": TEXT,
        "name": TEXT,
        "platform": nullable(TEXT),
        "published": INSTANT,
        "version": TEXT,
    }
    parts = dict.fromkeys(
        ("capabilities", "checks", "errors", "groups", "reviews", "risk", "roles", "sets"), OPEN_OBJECT
    )
    section = record(
        {
            "added": listed(TEXT),
            "removed": listed(TEXT),
            "changed": listed(
                record(
                    {
                        "name": TEXT,
                        "parts": listed(record({"part": TEXT, "removed": listed({}), "added": listed({})})),
                    }
                )
            ),
        }
    )
    moved = listed(record({"capability": TEXT, "date": DAY, "accounts": INTEGER}))
    wave = record({"announced": INTEGER, "share": NUMBER, "starts_at": INSTANT, "transition_at": INSTANT})
    return {
        "Policy": record(
            {**head, **parts, "rules": listed(OPEN_OBJECT)},
            "A version of the requirement catalogue with all it says.",
        ),
        "PolicySummary": record(head, "A version of the requirement catalogue, without its rules."),
        "PolicyDiff": record(
            {
                "object": constant("v2.verification.policy_diff"),
                "against": POLICY_ID,
                "policy": POLICY_ID,
                **dict.fromkeys(("rules", "roles", "checks", "reviews", "risk", "capabilities", "errors"), section),
            },
            "What is otherwise in `policy` than in `against`.",
        ),
        "PolicyDryRun": record(
            {
                "object": constant("v2.verification.policy_dry_run"),
                "policy": POLICY_ID,
                "at": INSTANT,
                "until": INSTANT,
                "accounts": INTEGER,
                "changed": INTEGER,
                "undecided": INTEGER,
                "losing_active": INTEGER,
                "share_restricted": NUMBER,
                "becoming_due": counted(INTEGER),
                "no_longer_due": counted(INTEGER),
                "falling": moved,
                "rising": moved,
            },
            "What a policy would change for the platform's accounts, in numbers of accounts.",
        ),
        "Rollout": record(
            {
                "id": ROLLOUT_ID,
                "object": constant("v2.verification.rollout"),
                "accounts": record(dict.fromkeys(("announced", "moved", "failed", "rolled_back"), INTEGER)),
                "created": INSTANT,
                "created_by": TEXT,
                "failures": counted(INTEGER),
                "from_name": nullable(TEXT),
                "livemode": nullable(BOOLEAN),
                "platform": nullable(TEXT),
                "policy": POLICY_ID,
                "status": one_of(*RolloutState),
                "waves": listed(wave),
            },
            "A policy on its way to the platform's accounts, in waves.",
        ),
    }


def _bank_account() -> Schema:
    requirements = record(
        dict.fromkeys(("currently_due", "errors", "past_due", "pending_verification"), listed(TEXT)),
        "Always empty: what is due about a bank account stands among the account's requirements.",
    )
    return record(
        {
            "id": BANK_ACCOUNT_ID,
            "object": constant("bank_account"),
            "account": ACCOUNT_ID,
            "account_holder_name": nullable(TEXT),
            "account_holder_type": nullable(TEXT),
            "account_type": nullable(TEXT),
            "available_payout_methods": listed(constant("standard")),
            "bank_name": nullable(TEXT),
            "country": TEXT,
            "currency": TEXT,
            "customer": {"type": "null"},
            "default_for_currency": BOOLEAN,
            "fingerprint": TEXT,
            "future_requirements": requirements,
            "last4": TEXT,
            "metadata": METADATA,
            "requirements": requirements,
            "routing_number": nullable(TEXT),
            "status": one_of(
                "errored",
                "new",
                "tokenized_account_number_deactivated",
                "validated",
                "verification_failed",
                "verified",
            ),
        },
        "A bank account that payouts go to. Its number is never shown but for the last four characters.",
    )


def _v1_account() -> Schema:
    return record(
        {
            "id": ACCOUNT_ID,
            "object": constant("account"),
            "business_type": nullable(TEXT),
            "charges_enabled": BOOLEAN,
            "country": nullable(TEXT),
            "created": INTEGER,
            "email": nullable(TEXT),
            "metadata": METADATA,
            "payouts_enabled": BOOLEAN,
            "requirements": record({"disabled_reason": nullable(TEXT)}),
        },
        "An account in v1's words, as far as they are true of it.",
    )

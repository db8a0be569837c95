"""The page that a user is sent to: ``/start/{token}``. Plain HTML, nothing to load, no script."""

from __future__ import annotations

from html import escape
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from simulators.identity.sessions import Session
from simulators.identity.typed import ADDRESS_FIELDS, Typed, document_types, outcomes, read
from simulators.identity.vendor import Vendor

_MOST_BYTES = 65536
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_STYLE = """
:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.4rem}
label,legend{display:block;font-weight:600;margin-top:.8rem}
input,select{font:inherit;width:100%;box-sizing:border-box;padding:.4rem;margin-top:.2rem}
fieldset{border:1px solid #8888;border-radius:.4rem;margin:1.2rem 0;padding:0 1rem 1rem}
button{font:inherit;padding:.5rem .9rem;margin:.3rem .3rem 0 0;border:1px solid #8888;border-radius:.4rem}
button[value=verified]{background:#4338ca;color:#fff;display:block;width:100%}
.wrong{color:#b91c1c;margin:.2rem 0 0}
.notice{border-left:4px solid #b91c1c;padding:.2rem .8rem}
:focus-visible{outline:3px solid #6366f1;outline-offset:2px}
@media(prefers-color-scheme:dark){.wrong{color:#fca5a5}}
"""
_LABELS = {
    "document_type": "Document",
    "first_name": "First name",
    "last_name": "Last name",
    "dob": "Date of birth",
    "line1": "Street and number",
    "line2": "Apartment or suite",
    "city": "City",
    "state": "State or region",
    "postal_code": "Postal code",
    "country": "Country (two letters)",
}
_COMPLETION = {
    "first_name": "given-name",
    "last_name": "family-name",
    "dob": "bday",
    "line1": "address-line1",
    "line2": "address-line2",
    "city": "address-level2",
    "state": "address-level1",
    "postal_code": "postal-code",
    "country": "country",
}
_DOCUMENTS = {"driving_license": "Driving licence", "id_card": "Identity card", "passport": "Passport"}
_BUTTONS = {
    "verified": "Verify",
    "document_unverified_other": "Blurred photo",
    "document_expired": "Expired document",
    "selfie_face_mismatch": "Selfie does not match",
    "id_number_mismatch": "ID number does not match",
    "consent_declined": "I do not consent",
    "under_supported_age": "I am under age",
}


class Pages:
    """The routes: GET shows where a session stands, POST submits the form and sends the browser back to GET."""

    def __init__(self, vendor: Vendor) -> None:
        self._vendor = vendor

    def routes(self) -> list[Route]:
        """All of ``/start``."""
        return [
            Route("/start/{token}", self._show, methods=["GET"]),
            Route("/start/{token}", self._submit, methods=["POST"]),
        ]

    async def _show(self, request: Request) -> Response:
        session = self._vendor.by_token(request.path_params["token"])
        if session is None:
            return _page(
                404, "This link is not known", "<p>Go back to the site that sent you here and start again.</p>"
            )
        return _standing(session)

    async def _submit(self, request: Request) -> Response:
        session = self._vendor.by_token(request.path_params["token"])
        if session is None or session.status != "requires_input":
            return await self._show(request)
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > _MOST_BYTES:
                return _page(413, "That is too much", "<p>Go back and type less.</p>")
        try:
            form = dict(parse_qsl(body.decode("utf-8", "replace"), max_num_fields=100))
        except ValueError:
            return _form(session, Typed(problems={"outcome": "The form could not be read."}), 400)
        typed, submission = read(session, form)
        if submission is None:
            return _form(session, typed, 400)
        self._vendor.submit(session, submission)
        return RedirectResponse(request.url.path, 303, _HEADERS)


def _standing(session: Session) -> Response:
    if session.status == "processing":
        waiting = '<p role="status">Your details are being checked. This page renews itself.</p>'
        return _page(200, "One moment", waiting, refresh=True)
    if session.status == "requires_input":
        return _form(session, Typed(), 200)
    if session.status == "verified":
        return _page(200, "Thank you", f"<p>Your identity is verified.</p>{_way_back(session)}")
    return _page(
        410, "This verification was cancelled", f"<p>There is nothing left to do here.</p>{_way_back(session)}"
    )


def _way_back(session: Session) -> str:
    if not session.return_url:
        return "<p>You can close this page.</p>"
    return f'<p><a href="{escape(session.return_url)}">Continue</a></p>'


def _form(session: Session, typed: Typed, status: int) -> Response:
    kinds = document_types(session)
    first, *rest = outcomes(session)
    parts = [
        _notice(session, typed),
        "<p>Type what the document says. What happens next is up to the button that you press.</p>",
        '<form method="post" novalidate autocomplete="on">',
        _choice(kinds, typed) if kinds else "",
        *(_field(name, typed, needed=True) for name in ("first_name", "last_name", "dob")),
        "<fieldset><legend>Address, if the document has one</legend>",
        *(_field(name, typed, needed=False) for name in ADDRESS_FIELDS),
        "</fieldset>",
        _button(first),
        "<fieldset><legend>Or let it fail</legend>",
        *map(_button, rest),
        "</fieldset></form>",
    ]
    return _page(status, "Verify your identity", "".join(parts))


def _notice(session: Session, typed: Typed) -> str:
    if typed.problems:
        lines = "".join(
            f"<li>{escape(_LABELS[name] + ': ' if name in _LABELS else '')}{escape(problem)}</li>"
            for name, problem in typed.problems.items()
        )
        return f'<div class="notice" role="alert"><p>Please look at this again:</p><ul>{lines}</ul></div>'
    if session.last_error:
        reason = escape(session.last_error["reason"])
        return f'<div class="notice" role="alert"><p>{reason} You can try again.</p>{_way_back(session)}</div>'
    return ""


def _choice(kinds: tuple[str, ...], typed: Typed) -> str:
    chosen = typed.values.get("document_type")
    options = "".join(
        f'<option value="{kind}"{" selected" if kind == chosen else ""}>{_DOCUMENTS[kind]}</option>' for kind in kinds
    )
    label = _LABELS["document_type"]
    return (
        f'<label for="document_type">{label}</label><select id="document_type" name="document_type">{options}</select>'
    )


def _field(name: str, typed: Typed, *, needed: bool) -> str:
    problem = typed.problems.get(name)
    marks = [
        f'id="{name}" name="{name}" type="{"date" if name == "dob" else "text"}"',
        f'value="{escape(typed.values.get(name, ""))}" autocomplete="{_COMPLETION[name]}"',
        "required" if needed else "",
        f'aria-invalid="true" aria-describedby="{name}-wrong"' if problem else "",
    ]
    said = f'<p class="wrong" id="{name}-wrong">{escape(problem)}</p>' if problem else ""
    return f'<label for="{name}">{_LABELS[name]}</label><input {" ".join(filter(None, marks))}>{said}'


def _button(outcome: str) -> str:
    return f'<button type="submit" name="outcome" value="{outcome}">{_BUTTONS[outcome]}</button>'


def _page(status: int, title: str, content: str, *, refresh: bool = False) -> Response:
    renew = '<meta http-equiv="refresh" content="1">' if refresh else ""
    html = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>{renew}'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><main><h1>{title}</h1>{content}</main></body></html>"
    )
    return HTMLResponse(html, status, _HEADERS)

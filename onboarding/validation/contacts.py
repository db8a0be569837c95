"""Ways to reach somebody: e-mail addresses, phone numbers, URLs, IP addresses."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from onboarding.domain.errors import Refusal
from onboarding.validation.objects import INVALID_REQUEST, Exempt

_NANP = 1  # country code of the North American Numbering Plan
_NANP_NUMBER = re.compile(r"[2-9]\d{2}[2-9]\d{6}")
_CLOCKS_DIFFER = timedelta(minutes=5)
_URL_LENGTH = 2048
_HOST_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
# RFC 2606 and RFC 6761. The contract knows of example.com only: the other test domains stay usable in a sandbox.
_NEVER_WEBSITES = ("example.com", "example.net", "example.org", "invalid", "localhost")


def check_email(email: str | None, param: str) -> None:
    """Refuse what is no e-mail address by its syntax; no name server is asked.

    Raises:
        Refusal: ``email_invalid``.
    """
    if email is None:
        return
    try:
        # A test environment's `.test` addresses are well-formed; whether mail arrives is not asked here.
        validate_email(email, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        # Not chained: the error quotes the address.
        raise Refusal(
            "email_invalid", "The email address is not valid; write it like name@company.com.", param=param
        ) from None


def check_recipient_email(email: str | None, param: str) -> None:
    """Refuse the address of a recipient under a domain of nobody, like ``example.com``: money is announced by mail.

    Raises:
        Refusal: ``email_domain_invalid_for_recipient``.
    """
    domain = (email or "").rpartition("@")[2].lower().rstrip(".")
    if any(domain == name or domain.endswith(f".{name}") for name in _NEVER_WEBSITES):
        raise Refusal(
            "email_domain_invalid_for_recipient",
            "No mail arrives under this domain: a recipient needs an address that is read.",
            param=param,
        )


def check_phone(phone: str | None, param: str, region: str | None, exempt: Exempt) -> None:
    """Refuse what can't be a phone number.

    Args:
        phone: with country code (``+1…``), or without where the region is known.
        param: path of the parameter.
        region: the country in which a number without country code is.
        exempt: see the package.

    Raises:
        Refusal: ``phone_invalid``.
    """
    if phone is None or exempt("phone", phone):
        return
    if not _is_possible_phone(phone, region):
        raise Refusal(
            "phone_invalid",
            "The phone number is not valid; write it with its country code, like +14155550123.",
            param=param,
        )


def check_url(url: str | None, param: str, exempt: Exempt) -> None:
    """Refuse what can't be the address of a website; its scheme may be missing.

    Raises:
        Refusal: ``url_invalid``; also for ``example.com`` (Accounts v2 contract, seen in the sandbox).
    """
    if url is None or exempt("url", url):
        return
    if not _is_website(url):
        raise Refusal(
            "url_invalid", "The URL is not that of a public website; write it like https://company.com.", param=param
        )


def check_acceptance(acceptance: Mapping[str, Any] | None, param: str, as_of: datetime) -> None:
    """Check where and when somebody accepted or declared something.

    Raises:
        Refusal: ``ip_address_invalid``; ``parameter_invalid`` for a date that lies ahead.
    """
    check_ip((acceptance or {}).get("ip"), f"{param}.ip")
    date = (acceptance or {}).get("date")
    if date is not None and datetime.fromisoformat(date) > as_of + _CLOCKS_DIFFER:
        raise Refusal(
            "parameter_invalid",
            "Nothing can be accepted or declared in the future: send the time at which it was done.",
            param=f"{param}.date",
            type=INVALID_REQUEST,
        )


def check_address(url: str | None, param: str, *, livemode: bool) -> None:
    """Refuse what nobody can be sent to: not a whole URL, or in live mode not HTTPS, or this machine itself.

    Any other host will do: a platform's own may be known to its own network alone.

    Raises:
        Refusal: ``url_invalid``.
    """
    if url is None:
        return
    problem = _problem_of_address(url, livemode=livemode)
    if problem is not None:
        raise Refusal("url_invalid", problem, param=param)


def check_ip(address: str | None, param: str) -> None:
    """Refuse what is no IPv4 or IPv6 address.

    Raises:
        Refusal: ``ip_address_invalid``.
    """
    if address is None:
        return
    try:
        ipaddress.ip_address(address)
    except ValueError:
        raise Refusal(
            "ip_address_invalid", "The IP address is not valid; write it like 203.0.113.7 or 2001:db8::1.", param=param
        ) from None


def _is_possible_phone(phone: str, region: str | None) -> bool:
    try:
        number = phonenumbers.parse(phone, region)
    except phonenumbers.NumberParseException:
        return False
    # "Possible" is a matter of length. Whether the number is assigned changes weekly, and the usual numbers of
    # examples (+1 555 555 5555) are not: that is no question of form.
    if not number.national_number or not phonenumbers.is_possible_number(number):
        return False
    return number.country_code != _NANP or _NANP_NUMBER.fullmatch(str(number.national_number)) is not None


def _problem_of_address(url: str, *, livemode: bool) -> str | None:
    invalid = "Must be a whole URL, like https://platform.com/path, without a user name."
    if len(url) > _URL_LENGTH or not url.isprintable() or any(char in url for char in ' \\<>"^`{|}'):
        return invalid
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna").decode("ascii").removesuffix(".")
        _ = parts.port  # raises for what is no port
    except ValueError:
        return invalid
    if parts.scheme not in {"http", "https"} or not host or parts.username is not None:
        return invalid
    if livemode and parts.scheme != "https":
        return "Live mode requires a URL that begins with https://."
    if livemode and _is_here(host):
        return "Live mode requires another host than the local one."
    return None


def _is_here(host: str) -> bool:
    """Whether a host is the machine that asks, or nothing beyond its own link."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_link_local or address.is_unspecified or address.is_multicast


def _is_website(url: str) -> bool:
    if len(url) > _URL_LENGTH or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url if "://" in url else f"https://{url}")
        host = (parts.hostname or "").encode("idna").decode("ascii").removesuffix(".")
        _ = parts.port  # raises for what is no port
    except ValueError:
        return False
    labels = host.split(".")
    return (
        parts.scheme in {"http", "https"}
        and parts.username is None
        and len(labels) > 1
        and all(_HOST_LABEL.fullmatch(label) for label in labels)
        and not labels[-1].isdigit()  # an IPv4 address
        and not any(host == name or host.endswith(f".{name}") for name in _NEVER_WEBSITES)
    )

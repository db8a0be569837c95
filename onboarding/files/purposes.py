"""What files are for, and what is accepted for it (Stripe, "File upload guide", and the purposes of the SDK 16.1)."""

from __future__ import annotations

from dataclasses import dataclass

MAX_BYTES = 10_000_000
"""The largest file there is (Accounts v2 contract, §4)."""

_BRANDING_BYTES = 512_000
_EVIDENCE_BYTES = 5_000_000
_SIGNATURE_BYTES = 4_000_000

MIME_TYPES = {"gif": "image/gif", "jpg": "image/jpeg", "pdf": "application/pdf", "png": "image/png"}
"""The types that are recognised, by the name that a file's ``type`` has."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """What is accepted for a purpose: ``types`` in the order in which they are told, and ``max_bytes``."""

    types: tuple[str, ...]
    max_bytes: int = MAX_BYTES


_DOCUMENT = Accepted(("pdf", "jpg", "png"))
_BRANDING = Accepted(("jpg", "png", "gif"), _BRANDING_BYTES)

UPLOADED = {
    "account_requirement": _DOCUMENT,
    "additional_verification": _DOCUMENT,
    "business_icon": _BRANDING,
    "business_logo": _BRANDING,
    "customer_signature": Accepted(("jpg", "png"), _SIGNATURE_BYTES),
    "dispute_evidence": Accepted(("pdf", "jpg", "png"), _EVIDENCE_BYTES),
    "identity_document": _DOCUMENT,
    "pci_document": Accepted(("pdf",)),
    "platform_terms_of_service": Accepted(("pdf",)),
    "tax_document_user_upload": _DOCUMENT,
}
"""Purposes that a platform can upload a file for."""

NOT_UPLOADED = frozenset(
    {
        # Made by the service itself, never by an upload.
        "document_provider_identity_document",
        "finance_report_run",
        "financial_account_statement",
        "identity_document_downloadable",
        "selfie",
        "sigma_scheduled_query",
        # Of products that are none of this engine's.
        "issuing_regulatory_reporting",
        "terminal_android_apk",
        "terminal_reader_splashscreen",
        "terminal_wifi_certificate",
        "terminal_wifi_private_key",
    }
)
"""Purposes that the SDK knows and that a list can be narrowed to, but that no upload can have."""

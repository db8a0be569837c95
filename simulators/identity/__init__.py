"""A stand-in for Stripe Identity: ``python -m simulators.identity --port 8091 --state DIR``.

It speaks the vendor's words (VerificationSession, VerificationReport, Event), keeps state over a restart, charges for
what it is asked, signs what it sends, and fails in the ways that a test scripts or draws at random.

Built from Stripe's public API reference (VerificationSession, VerificationReport, Event, errors, idempotent requests,
expanding), from the guides "How sessions work", "Handle verification outcomes" and "Access verification results", and
from the documentation of webhook signatures.

What differs from the vendor:

* No document is looked at: the user types what "the document says" and picks the outcome by a button.
* Checks end after a set delay, redaction too; with the vendor they take seconds, and up to four days.
* One address and one client secret serve a session for its whole life; the vendor's expire and are renewed.
* Dates of birth and of expiry come with their parent's expansion. With ``--sensitive-by-expand`` they have to be named
  (``verified_outputs.dob``, ``document.dob``, ``document.expiration_date``) as the vendor demands; naming them works
  either way. The vendor asks for a restricted key besides.
* Undelivered webhooks are repeated within seconds, for as long as it takes; the vendor gives up after three days.
"""

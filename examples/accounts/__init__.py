"""One module for each account, in the order in which they are best read: six of the sandbox, then six live ones."""

from examples.accounts import (
    company_in_three_steps,
    company_with_two_owners,
    failed_document,
    individual_at_once,
    minor_comes_of_age,
    missed_deadline,
    screening_hit_cleared,
    screening_hit_confirmed,
    vendor_down,
    vendor_session_passed,
    vendor_session_repeated,
    wrong_tax_id,
)
from examples.example import Example

EXAMPLES: tuple[Example, ...] = (
    individual_at_once,
    company_in_three_steps,
    wrong_tax_id,
    failed_document,
    missed_deadline,
    minor_comes_of_age,
    vendor_session_passed,
    vendor_session_repeated,
    vendor_down,
    screening_hit_cleared,
    screening_hit_confirmed,
    company_with_two_owners,
)

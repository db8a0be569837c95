"""One module for each account, in the order in which they are best read."""

from examples.accounts import (
    company_in_three_steps,
    failed_document,
    individual_at_once,
    minor_comes_of_age,
    missed_deadline,
    recipient_only,
    screening_hit,
    wrong_tax_id,
)
from examples.example import Example

EXAMPLES: tuple[Example, ...] = (
    individual_at_once,
    company_in_three_steps,
    recipient_only,
    wrong_tax_id,
    failed_document,
    missed_deadline,
    screening_hit,
    minor_comes_of_age,
)

"""Everything on one machine, without containers: what `make run` does.

Finds or starts PostgreSQL and the Temporal development server, then the
product's own processes, watches them, and ends exactly what it started. The
test suite uses the same parts. Nothing here is needed where the parts are run
by somebody else, for example by `docker-compose.yml`.
"""

from onboarding.local.errors import LocalSetupError
from onboarding.local.postgres import GivenPostgres, LocalPostgres, find_postgres
from onboarding.local.processes import Child, Part, Supervisor
from onboarding.local.temporal_binary import find_temporal
from onboarding.local.temporal_server import LocalTemporal

__all__ = [
    "Child",
    "GivenPostgres",
    "LocalPostgres",
    "LocalSetupError",
    "LocalTemporal",
    "Part",
    "Supervisor",
    "find_postgres",
    "find_temporal",
]

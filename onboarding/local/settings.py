"""Where `make run` puts things, read from the environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from onboarding.local.errors import LocalSetupError

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Port:
    """A port, what it is for, and the variable that changes it."""

    number: int
    what: str
    variable: str


@dataclass(frozen=True)
class Settings:
    """Where things are put; each value has a variable of its own.

    Attributes:
        var: `ONBOARDING_VAR`: folder for all state and logs.
        host: `ONBOARDING_API_HOST`: address the API listens on.
        api, temporal, temporal_ui, postgres, worker_health, simulator, receiver: ports, see `from_environment`.
        database_url: `DATABASE_URL`: a server to use instead of starting one, or None.
        temporal_address: `TEMPORAL_ADDRESS`: the same for Temporal, `host:port`.
        root_keys: `ONBOARDING_ROOT_KEYS`: `1:BASE64` of 32 bytes; None makes or reads `var/root_key`.
        identity_key: `ONBOARDING_STRIPE_IDENTITY_KEY`: a real vendor to use instead of its simulator.
        activator_url: `ONBOARDING_ACTIVATOR_URL`: a real system to tell of capabilities instead of the simulated one.
    """

    var: Path
    host: str
    api: Port
    temporal: Port
    temporal_ui: Port
    postgres: Port
    worker_health: Port
    simulator: Port
    receiver: Port
    database_url: str | None
    temporal_address: str | None
    root_keys: str | None
    identity_key: str | None
    activator_url: str | None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Read the variables.

        Raises:
            LocalSetupError: a port is not a number from 1 to 65535.
        """

        def port(variable: str, default: int, what: str) -> Port:
            text = environment.get(variable) or str(default)
            if not text.isdigit() or not 0 < int(text) <= 65535:  # noqa: PLR2004  the highest port there is
                msg = f"{variable}={text} is not a port: give a number from 1 to 65535"
                raise LocalSetupError(msg)
            return Port(int(text), what, variable)

        return cls(
            var=Path(environment.get("ONBOARDING_VAR") or ROOT / "var").expanduser().absolute(),
            host=environment.get("ONBOARDING_API_HOST") or "127.0.0.1",
            api=port("ONBOARDING_API_PORT", 8080, "the API"),
            temporal=port("ONBOARDING_TEMPORAL_PORT", 7233, "Temporal"),
            temporal_ui=port("ONBOARDING_TEMPORAL_UI_PORT", 8233, "Temporal's web page"),
            postgres=port("ONBOARDING_POSTGRES_PORT", 5439, "PostgreSQL"),
            worker_health=port("ONBOARDING_WORKER_HEALTH_PORT", 8081, "the worker's health"),
            simulator=port("ONBOARDING_SIMULATOR_PORT", 8091, "the simulator of Stripe Identity"),
            receiver=port("ONBOARDING_RECEIVER_PORT", 8092, "the simulated system downstream"),
            database_url=environment.get("DATABASE_URL") or None,
            temporal_address=environment.get("TEMPORAL_ADDRESS") or None,
            root_keys=environment.get("ONBOARDING_ROOT_KEYS") or None,
            identity_key=environment.get("ONBOARDING_STRIPE_IDENTITY_KEY") or None,
            activator_url=environment.get("ONBOARDING_ACTIVATOR_URL") or None,
        )

    @property
    def run_file(self) -> Path:
        """`var/run.json`."""
        return self.var / "run.json"

    @property
    def temporal_file(self) -> Path:
        """Temporal's database file."""
        return self.var / "temporal.db"

    def log(self, name: str) -> Path:
        """A part's log."""
        return self.var / "logs" / f"{name}.log"

    @property
    def ports(self) -> list[Port]:
        """The ports that will be listened on."""
        wanted = [self.api, self.worker_health]
        if self.database_url is None:
            wanted.append(self.postgres)
        if self.temporal_address is None:
            wanted += [self.temporal, self.temporal_ui]
        if self.identity_key is None:
            wanted.append(self.simulator)
        if self.activator_url is None:
            wanted.append(self.receiver)
        return wanted

"""What the receiver knows: which parts of which feature are open for whom, by which version."""

from __future__ import annotations

from typing import Any

from simulators.identity.storage import Storage

_SWITCHES, _ANSWERS = "switches", "answers"


class TooOldError(Exception):
    """An order of a lower version than one that was obeyed already; ``version`` is that one."""

    def __init__(self, version: int) -> None:
        super().__init__(version)
        self.version = version


class Switchboard:
    """See the module. What was done, and what was answered to which key, is in the state folder."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._switches: dict[str, dict[str, Any]] = storage.table(_SWITCHES)
        self._answers: dict[str, dict[str, Any]] = storage.table(_ANSWERS)
        self.done: list[dict[str, Any]] = []

    def refuse_old(self, merchant: str, feature: str, version: int) -> None:
        """Whatever was answered to it once.

        Raises:
            TooOldError: something newer was obeyed.
        """
        known = self._switches.get(f"{merchant}/{feature}")
        if known is not None and version < known["version"]:
            raise TooOldError(known["version"])

    def obey(
        self, merchant: str, feature: str, part: str, *, version: int, is_open: bool, good_until: str | None
    ) -> dict[str, Any]:
        """Open or close a part; the switch as it is then. To close what is not open is nothing wrong."""
        name = f"{merchant}/{feature}"
        known = self._switches.get(name, {"version": 0, "parts": [], "good_until": None})
        others = [one for one in known["parts"] if one != part]
        switch = {
            "version": version,
            "parts": [*others, part] if is_open else others,
            "good_until": good_until if is_open else None,
        }
        self._switches[name] = switch
        self._storage.put(_SWITCHES, name, switch)
        self.done.append({"merchant": merchant, "feature": feature, "part": part, "open": is_open, "version": version})
        return switch

    def of(self, merchant: str) -> dict[str, Any]:
        """A merchant's switches by feature."""
        owned = f"{merchant}/"
        return {
            name.removeprefix(owned): dict(switch) for name, switch in self._switches.items() if name.startswith(owned)
        }

    def answered(self, key: str) -> dict[str, Any] | None:
        """What was answered under a key, and to what: ``{"asked", "status", "answer"}``."""
        return self._answers.get(key)

    def keep(self, key: str, asked: str, status: int, answer: dict[str, Any]) -> None:
        """Keep an answer, a refusal too, so that the same call gets it again."""
        kept = {"asked": asked, "status": status, "answer": answer}
        self._answers[key] = kept
        self._storage.put(_ANSWERS, key, kept)

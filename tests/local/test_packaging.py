"""What the files beside the code promise: pinned installs, and a cluster that knows what the code knows."""

import re
import tomllib
from itertools import chain
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from workflows.names import SEARCH_ATTRIBUTES

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ("requirements.txt", "requirements-runtime.txt", "requirements-bootstrap.txt")


def pins(name: str) -> dict[str, str]:
    lines = (ROOT / name).read_text().splitlines()
    found = (re.match(r"([a-z0-9._-]+)==(\S+)", line) for line in lines)
    return {match[1]: match[2] for match in found if match}


def wanted() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = chain.from_iterable(project["project"]["optional-dependencies"].values())
    groups = chain.from_iterable(project["dependency-groups"].values())
    texts = chain(project["project"]["dependencies"], extras, groups)
    return [Requirement(text) for text in texts if isinstance(text, str)]


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_requirements_name_no_index_host_or_file(name: str) -> None:
    text = (ROOT / name).read_text()
    assert not re.search(r"://|^-|^ *--(?!hash=)| @ ", text, re.MULTILINE)
    assert text.count("--hash=sha256:") >= len(pins(name)) > 0


def test_pins_are_what_the_project_asks_for() -> None:
    pinned = pins("requirements.txt") | pins("requirements-bootstrap.txt")
    for requirement in wanted():
        name = requirement.name.lower().replace("_", "-")
        assert requirement.specifier.contains(pinned[name], prereleases=True), f"{requirement}: run make lock"


def test_images_and_machines_run_the_same_versions() -> None:
    everything = pins("requirements.txt")
    assert {name: everything.get(name) for name in pins("requirements-runtime.txt")} == pins("requirements-runtime.txt")


def test_cluster_knows_the_search_attributes() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    listed = compose["services"]["temporal-namespace"]["environment"]["SEARCH_ATTRIBUTES"].split()
    assert dict(pair.split("=") for pair in listed) == SEARCH_ATTRIBUTES

"""The denylist: YAML with one list of texts for each section, as ``data/denylist.yaml`` explains them.

A file is put to use whole or not at all, and each mistake is told with its line. A section that is left out is empty.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from pathlib import Path

import yaml

from onboarding.settings import SettingsError
from onboarding.verifiers.lists.entries import digest_of
from onboarding.verifiers.lists.names import words_of
from onboarding.verifiers.profile.hosts import host_of

VARIABLE = "ONBOARDING_PROFILE_DENYLIST"

PHRASES = ("brands", "brand_words", "beside_brand_words", "generic_names", "generic_descriptors")
HOSTS = ("hosts", "shared_hosts")
SECTIONS = (*PHRASES, *HOSTS)

LONGEST_BRAND = 4
"""Words of a brand; also how many words of a name are read together."""

MAX_BYTES = 1024 * 1024
"""A list is read at every start of every process; ten thousand names are far below this."""

_MOST_WORDS = {"brands": LONGEST_BRAND, "beside_brand_words": 1}
_HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*")
_BUNDLED = Path(__file__).parent / "data" / "denylist.yaml"
_DIGEST_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Denylist:
    """What is refused. Brands and phrases are folded and without spaces (``americanexpress``), hosts in ASCII.

    Attributes:
        brands: refused wherever they stand as whole words.
        brand_words: refused where nothing else stands beside them but legal forms and ``beside_brand_words``.
        beside_brand_words: words that make no other name of a brand.
        generic_names: refused as a whole doing-business-as name.
        generic_descriptors: refused as a whole descriptor or prefix.
        hosts: refused, with every host below them.
        shared_hosts: hosts that are nobody's own website unless a path follows.
    """

    brands: frozenset[str] = frozenset()
    brand_words: frozenset[str] = frozenset()
    beside_brand_words: frozenset[str] = frozenset()
    generic_names: frozenset[str] = frozenset()
    generic_descriptors: frozenset[str] = frozenset()
    hosts: frozenset[str] = frozenset()
    shared_hosts: frozenset[str] = frozenset()

    @property
    def digest(self) -> str:
        """Of what it refuses: comments and order do not count."""
        return digest_of({section: sorted(entries) for section, entries in asdict(self).items()})[:_DIGEST_DIGITS]


def bundled_denylist() -> Denylist:
    """The list that comes with the project."""
    return read_denylist(_BUNDLED)


def read_denylist(path: Path) -> Denylist:
    """Read a denylist.

    Raises:
        SettingsError: it can't be used: the file's name, the line, and what was expected there.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise _refusal(path, None, f"at most {MAX_BYTES} bytes")
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise _refusal(path, None, f"a file that can be read ({type(error).__name__})") from None
    except UnicodeDecodeError:
        raise _refusal(path, None, "UTF-8") from None
    try:
        # Nodes, not values: they know their lines, and "no" or "1984" stay the texts that were written.
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise _refusal(path, mark.line if mark is not None else None, f"YAML ({error.problem})") from None
    except (yaml.YAMLError, RecursionError):
        raise _refusal(path, None, "YAML in plain characters") from None
    return _denylist(path, root)


def _denylist(path: Path, root: yaml.Node | None) -> Denylist:
    expected = f"a map with some of {', '.join(SECTIONS)}"
    if not isinstance(root, yaml.MappingNode):
        raise _refusal(path, root.start_mark.line if root is not None else None, expected)
    sections: dict[str, frozenset[str]] = {}
    for key, value in root.value:
        name = key.value if isinstance(key, yaml.ScalarNode) else ""
        if name not in SECTIONS:
            raise _refusal(path, key.start_mark.line, expected)
        if name in sections:
            raise _refusal(path, key.start_mark.line, f"{name} once only")
        if not isinstance(value, yaml.SequenceNode):
            raise _refusal(path, value.start_mark.line, f"a list of texts below {name}, [] for none")
        sections[name] = frozenset(_entry(path, name, node) for node in value.value)
    return Denylist(**sections)


def _entry(path: Path, section: str, node: yaml.Node) -> str:
    line = node.start_mark.line
    text = node.value if isinstance(node, yaml.ScalarNode) else ""
    if section in HOSTS:
        host = host_of(text)
        if host is None or not _HOST.fullmatch(host) or not host.isascii() or set("/:@") & set(text):
            raise _refusal(path, line, "a host such as example.com, without scheme and path")
        return host
    words = words_of(text)
    most = _MOST_WORDS.get(section, len(words))
    if not words or len(words) > most:
        raise _refusal(path, line, f"a text of at most {most} words" if words else "a text with a letter or digit")
    return "".join(words)


def _refusal(path: Path, line: int | None, expected: str) -> SettingsError:
    at = "" if line is None else f" line {line + 1}"
    return SettingsError(f"{VARIABLE}: {path.name}{at}: expected {expected}")

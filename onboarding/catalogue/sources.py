"""YAML packs read together, with the line of everything in them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import ValidationError

from onboarding.catalogue.problems import Problem
from onboarding.catalogue.schema import Pack

if TYPE_CHECKING:
    from collections.abc import Mapping

_RULES = "rules"
_UNKNOWN_KEY = "extra_forbidden"
MOST_NODES = 200_000
"""What a pack may have once its aliases are written out: ten times the largest that ships."""


@dataclass(slots=True)
class Sources:
    """Several packs as one document.

    Attributes:
        document: the merged packs; meaningless where there are problems.
        problems: what is wrong with the packs' own form.
    """

    document: dict[str, Any]
    problems: list[Problem] = field(default_factory=list)
    _nodes: dict[str, yaml.Node] = field(default_factory=dict)
    _homes: dict[tuple[str, str | int], tuple[str, str | int]] = field(default_factory=dict)

    def placed(self, problem: Problem) -> Problem:
        """The problem with its file, line and rule."""
        if len(problem.path) < 2:  # noqa: PLR2004 -- a section and what is in it
            return problem
        section, name, *rest = problem.path
        file, local = self._homes.get((str(section), name), ("", name))
        within = (int(part) if part.isdigit() else part for part in re.findall(r"\w+", problem.at))
        path = (section, local, *rest, *within)
        return replace(problem, file=_file(file), line=self._line(file, path), rule=self._rule_name(problem.path))

    def _rule_name(self, path: tuple[str | int, ...]) -> str:
        if path[:1] != (_RULES,) or len(path) == 1 or not isinstance(path[1], int):
            return ""
        rule = self.document[_RULES][path[1]]
        name = rule.get("name", "") if isinstance(rule, dict) else ""
        return name if isinstance(name, str) else ""

    def _line(self, file: str, path: tuple[str | int, ...]) -> int:
        """Line of the innermost node on the path that is there, from 1; parts that only a schema knows are skipped."""
        node = self._nodes.get(file)
        if node is None:
            return 0
        line = node.start_mark.line + 1
        for part in path:
            found = _child(node, part)
            if found is not None:
                node, line = found
        return line

    def add(self, name: str, text: str, *, is_ours: bool = False) -> None:
        """Read one more pack."""
        try:
            node, raw = _parsed(text, is_ours=is_ours)
        except _Unreadable as unreadable:
            self.problems.append(Problem((), "", unreadable.told, file=_file(name), line=unreadable.line))
            return
        if node is not None:
            self._nodes[name] = node
        try:
            Pack.model_validate(raw)
        except ValidationError as error:
            self._refuse(name, raw, error)
            return
        for section, content in raw.items():
            if section == _RULES:
                for place, rule in enumerate(content):
                    self._homes[_RULES, len(self.document[_RULES])] = (name, place)
                    self.document[_RULES].append(rule)
                continue
            for key, value in content.items():
                if key in self.document[section]:
                    other = _file(self._homes[section, key][0])
                    message = f"{key!r} is defined in {other} already"
                    line = self._line(name, (section, key))
                    self.problems.append(Problem((section, key), "", message, file=_file(name), line=line))
                    continue
                self._homes[section, key] = (name, key)
                self.document[section][key] = value

    def _refuse(self, name: str, raw: Any, error: ValidationError) -> None:
        # A key that nobody knows is mostly a misspelt one: it tells more than the key that is missing for it.
        found = sorted(
            error.errors(include_input=False, include_url=False), key=lambda one: one["type"] != _UNKNOWN_KEY
        )
        for one in found:
            path = one["loc"]
            rule = _rule_at(raw, path)
            rest = path[2:] if rule else path
            self.problems.append(
                Problem(() if rule else path, ".".join(map(str, rest)) if rule else "", one["msg"], rule,
                        _file(name), self._line(name, path))
            )  # fmt: skip


def read_packs(texts: Mapping[str, str], *, are_ours: bool = False) -> Sources:
    """The packs ``{name: YAML}`` as one document; a name that is defined twice is a problem.

    Those that ship with the package are read at the start of every process: ten times as quick where libyaml is there.
    """
    empty: dict[str, Any] = {section: {} for section in Pack.model_fields if section != _RULES}
    sources = Sources(empty | {_RULES: []})
    for name, text in texts.items():
        sources.add(name, text, is_ours=are_ours)
    return sources


def _file(name: str) -> str:
    return name if not name or name.endswith((".yaml", ".yml")) else f"{name}.yaml"


def _rule_at(raw: Any, path: tuple[str | int, ...]) -> str:
    if len(path) < 2 or path[0] != _RULES or not isinstance(path[1], int):  # noqa: PLR2004 -- a section and its place
        return ""
    rule = raw[_RULES][path[1]]
    name = rule.get("name") if isinstance(rule, dict) else None
    return name if isinstance(name, str) and name else f"number {path[1] + 1}"


def _child(node: yaml.Node, part: str | int) -> tuple[yaml.Node, int] | None:
    """What stands under a key or at a place, and the line of the key."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value == str(part):
                return value, key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part].start_mark.line + 1
    return None


class _Unreadable(Exception):  # noqa: N818 -- says what the text is
    def __init__(self, told: str, line: int = 0) -> None:
        super().__init__(told)
        self.told = told
        self.line = line


def _parsed(text: str, *, is_ours: bool) -> tuple[yaml.Node | None, Any]:
    """The nodes of a text, for the lines, and its content."""
    loader = OurLoader(text) if is_ours else _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None, {}
        if _size(node, {}, ()) > MOST_NODES:
            raise _Unreadable(f"has more than {MOST_NODES} parts")
        return node, loader.construct_document(node) or {}
    except yaml.MarkedYAMLError as error:
        raise _Unreadable(str(error.problem), error.problem_mark.line + 1 if error.problem_mark else 0) from None
    except RecursionError:
        raise _Unreadable("is nested too deeply") from None
    except (yaml.YAMLError, ValueError) as error:  # such as the thirtieth of February
        raise _Unreadable(str(error).replace("\n", " "), _line_of_impossible(text)) from None
    finally:
        loader.dispose()


def _size(node: yaml.Node, known: dict[int, int], above: tuple[int, ...]) -> int:
    """How many nodes there are with every alias written out."""
    if id(node) in above:
        raise RecursionError
    if id(node) not in known:
        children: list[Any] = []
        if isinstance(node, yaml.MappingNode):
            children = [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            children = node.value
        known[id(node)] = 1 + sum(_size(child, known, (*above, id(node))) for child in children)
    return known[id(node)]


def _line_of_impossible(text: str) -> int:
    """Line of the first value that looks like a date and is none; 0 where there is no such value."""
    for number, line in enumerate(text.splitlines(), start=1):
        for year, month, day in re.findall(r"\b(\d{4})-(\d{1,2})-(\d{1,2})\b", line):
            try:
                date(int(year), int(month), int(day))
            except ValueError:
                return number
    return 0


class _NoDoubles(yaml.constructor.SafeConstructor):
    """A key that stands twice in a mapping is an error, not silently the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 -- its signature
        names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        doubled = sorted({name for name in names if names.count(name) > 1})
        if doubled:
            again = [key for key, _ in node.value if key.value == doubled[0]][1]
            raise yaml.MarkedYAMLError(problem=f"{doubled[0]} is defined twice", problem_mark=again.start_mark)
        return super().construct_mapping(node, deep)


class _Loader(_NoDoubles, yaml.SafeLoader):
    """For what others write: it says best what is wrong, and no depth of nesting ends the process."""


if TYPE_CHECKING:
    _Quickest = yaml.SafeLoader
else:  # the one of C is not everywhere there
    _Quickest = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class OurLoader(_NoDoubles, _Quickest):
    """For what ships with the package."""

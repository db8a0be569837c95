"""Drives the official Python SDK as told on standard input, and tells what came of it on standard output.

It needs nothing but the SDK, so any version of it can run this; ``node/drive.cjs`` does the same with the Node SDK.

Input: ``{"style": "sync" | "async", "jobs": [job, ...]}``; all jobs run at once, each with a client of its own.
Job: ``{"api": url, "key": str, "retries": int, "steps": [step, ...]}``.
Step: ``name`` and one of

- ``call``: ``{"python": "v2.core.accounts.create", "node": ...}`` with ``arguments`` and ``options``;
- ``raw``: ``[method, path, parameters]``;
- ``pages``: a call whose list is walked to its end, with ``arguments`` and ``options``; ``meanwhile`` has
  steps by how many items were seen; the walk is repeated until there are ``at_least`` so many: some lists are
  eventually consistent;
- ``related``: the name of a saved event whose related object is fetched;
- ``together``: steps that run at once.

``save`` names the result. A text ``$name.path`` in arguments stands for a part of a saved one, and
``{"$file": {"name", "type", "base64"}}`` for a file.

Output: a list of records for each job: ``name`` and ``value`` (for walks a list), or ``error``; ``class`` is the SDK's
class, and ``odd``, if there is any, what contradicts its annotations: so attributes that would raise.
"""

from __future__ import annotations

import asyncio
import base64
import inspect
import io
import json
import sys
import time
import typing
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import stripe
import typing_extensions

# Two of them where the standard library's is an old one.
LITERALS: tuple[Any, ...] = (typing.Literal, typing_extensions.Literal)
WAIT_SECONDS = 10.0
MOST = 200
THREADS = 64


class Job:
    """One client and its steps."""

    def __init__(self, told: dict[str, Any], style: str) -> None:
        self._suffix = "_async" if style == "async" else ""
        self._steps = told["steps"]
        self._saved: dict[str, Any] = {}
        self._client: Any = stripe.StripeClient(
            told["key"],
            base_addresses={"api": told["api"], "files": told["api"]},
            max_network_retries=told["retries"],
        )

    async def run(self) -> list[Any]:
        """Do all steps, one after another."""
        return [await self._step(step) for step in self._steps]

    async def _step(self, step: dict[str, Any]) -> dict[str, Any]:
        record: dict[str, Any] = {"name": step["name"]}
        if "together" in step:
            record["together"] = await asyncio.gather(*(self._step(each) for each in step["together"]))
            return record
        try:
            if "pages" in step:
                record["value"] = await self._pages(step)
                return record
            result = await self._result(step)
        except stripe.StripeError as error:
            return {**record, "error": error_of(error)}
        if "save" in step:
            self._saved[step["save"]] = result
        return {**record, **shown(result)}

    async def _result(self, step: dict[str, Any]) -> Any:
        if "raw" in step:
            method, path, parameters = self._resolved(step["raw"])
            response = await self._called(self._client, "raw_request", method.lower(), path, **parameters)
            return self._client.deserialize(response, api_mode="V2")
        if "related" in step:
            # Events have no method of the other style.
            return await asyncio.to_thread(self._saved[step["related"]].fetch_related_object)
        return await self._operation(step, step["call"])

    async def _operation(self, step: dict[str, Any], operation: dict[str, str]) -> Any:
        *parents, name = operation["python"].split(".")
        options = [self._resolved(step["options"])] if "options" in step else []
        arguments = self._resolved(step["arguments"])
        if options and not (arguments and isinstance(arguments[-1], dict)):
            arguments.append({})
        return await self._called(self._service(parents), name, *arguments, *options)

    async def _pages(self, step: dict[str, Any]) -> list[Any]:
        meanwhile = step.get("meanwhile", {})
        until = time.monotonic() + WAIT_SECONDS
        while True:
            page = await self._operation(step, step["pages"])
            seen: list[Any] = []
            async for item in self._items(page):
                seen.append(item)
                if len(seen) > MOST:
                    raise RuntimeError("the walk does not end: " + step["name"])
                for each in meanwhile.get(str(len(seen)), ()):
                    record = await self._step(each)
                    if "error" in record:
                        raise RuntimeError(record)
            if len(seen) >= step.get("at_least", 0) or time.monotonic() > until:
                return [shown(item) for item in seen]
            await asyncio.sleep(0.05)

    async def _items(self, page: Any) -> AsyncIterator[Any]:
        if self._suffix:
            async for item in page.auto_paging_iter():
                yield item
            return
        items = iter(page.auto_paging_iter())
        nothing = object()
        while (item := await asyncio.to_thread(next, items, nothing)) is not nothing:
            yield item

    async def _called(self, service: Any, name: str, *arguments: Any, **named: Any) -> Any:
        method = getattr(service, name + self._suffix)
        if self._suffix:
            return await method(*arguments, **named)
        return await asyncio.to_thread(method, *arguments, **named)

    def _service(self, names: list[str]) -> Any:
        service = self._client
        for name in names:
            service = getattr(service, name)
        return service

    def _resolved(self, node: Any) -> Any:
        if isinstance(node, dict):
            if "$file" in node:
                file = io.BytesIO(base64.b64decode(node["$file"]["base64"]))
                file.name = node["$file"]["name"]
                return file
            return {name: self._resolved(value) for name, value in node.items()}
        if isinstance(node, list):
            return [self._resolved(value) for value in node]
        if isinstance(node, str) and "$" in node:
            return "/".join(self._reference(part) if part.startswith("$") else part for part in node.split("/"))
        return node

    def _reference(self, text: str) -> str:
        name, *path = text[1:].split(".")
        value = plain(self._saved[name])
        for part in path:
            value = value[int(part) if part.isdigit() else part]
        return str(value)


def shown(result: Any) -> dict[str, Any]:
    """What the SDK made of an answer."""
    strange = list(odd(result, ""))
    return {"class": type(result).__name__, "value": plain(result), **({"odd": strange} if strange else {})}


def plain(value: Any) -> Any:
    """An answer as JSON has it."""
    if isinstance(value, stripe.StripeObject):
        return plain(value.to_dict())
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return str(value) if isinstance(value, Decimal) else value


def error_of(error: stripe.StripeError) -> dict[str, Any]:
    """What a client sees of a refusal. Some classes of errors keep the code only in the body."""
    body = error.json_body or {}
    told = body.get("error", {}) if isinstance(body, dict) else {}
    return {
        "class": type(error).__name__,
        "status": error.http_status,
        "code": told.get("code"),
        "param": told.get("param"),
        "message": told.get("message"),
    }


def odd(value: Any, path: str, announced: type | None = None) -> Iterator[str]:
    """What contradicts the SDK's annotations, by path. The class is that of the value unless another was announced."""
    if not isinstance(value, stripe.StripeObject):
        return
    for name, annotation in announcements(announced or type(value)).items():
        place = f"{path}.{name}" if path else name
        try:
            found = getattr(value, name)
        except AttributeError:
            # v1 says nothing of what is not deleted.
            if name != "deleted":
                yield f"{place}: absent"
            continue
        yield from contradictions(found, annotation, place)


def announcements(kind: type) -> dict[str, Any]:
    """What a class of the SDK says about its attributes, inherited ones included."""
    found: dict[str, Any] = {}
    for base in kind.__mro__:
        if base.__module__.startswith(("stripe._stripe_object", "stripe._api_resource", "builtins", "typing")):
            continue
        for name, annotation in inspect.get_annotations(base).items():
            if not name.startswith("_") and not str(annotation).startswith("typing.ClassVar"):
                found.setdefault(name, annotation)
    return found


def contradictions(found: Any, annotation: Any, place: str) -> Iterator[str]:
    """How a value is not what was announced. What only type checkers can resolve is not compared."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if isinstance(annotation, str | typing.ForwardRef | typing.TypeVar) or annotation is Any:
        yield from odd(found, place)
    elif origin is typing.Union:
        if found is not None or type(None) not in arguments:
            told = [list(contradictions(found, each, place)) for each in arguments if each is not type(None)]
            yield from min(told, key=len)
    elif origin in LITERALS:
        if found not in arguments:
            yield f"{place}: {found!r} is none of the announced words"
    elif origin is list and isinstance(found, list):
        for index, each in enumerate(found):
            yield from contradictions(each, arguments[0], f"{place}[{index}]")
    else:
        kind = origin or annotation
        # The SDK makes objects of whatever class "object" says, and of mappings too.
        wanted = stripe.StripeObject if issubclass(kind, stripe.StripeObject | dict) else kind
        if not isinstance(found, wanted) or (isinstance(found, bool) and kind is not bool):
            yield f"{place}: {type(found).__name__} where {kind.__name__} was announced"
        yield from odd(found, place, kind if wanted is stripe.StripeObject else None)


async def main() -> None:
    """Run what was told."""
    told = json.load(sys.stdin)
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS))
    jobs = [Job(job, told["style"]).run() for job in told["jobs"]]
    json.dump(await asyncio.gather(*jobs), sys.stdout)


if __name__ == "__main__":
    asyncio.run(main())

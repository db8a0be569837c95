"""What nobody should send: each is refused in words, at once, and nothing is left of it."""

from __future__ import annotations

from collections.abc import Iterator

import orjson
import pytest
import structlog

from api.server import HEAD_LIMIT
from tests.support.samples import BANK_ACCOUNT, COMPANY
from tests.support.serving import ApiServer, Platform, new_platform
from tests.support.wire import Answer, Wire, ask, request

ACCOUNTS = "/v2/core/accounts"
EXTERNAL = "/v1/accounts/{id}/external_accounts"
JSON, FORM = "Content-Type: application/json", "Content-Type: application/x-www-form-urlencoded"
BANK = "&".join(f"external_account[{key}]={value}" for key, value in BANK_ACCOUNT.items())


@pytest.fixture(scope="module")
def platform(api: ApiServer) -> Platform:
    return api.run(new_platform(api))


@pytest.fixture(scope="module")
def company(platform: Platform) -> str:
    account_id: str = platform.sdk().v2.core.accounts.create(COMPANY).id
    return account_id


@pytest.fixture
def unchanged(platform: Platform, company: str) -> Iterator[None]:
    """Nothing is stored meanwhile, and nothing went wrong on our side."""
    assert company
    before = platform.server.count_rows()
    with structlog.testing.capture_logs() as logs:
        yield
    assert platform.server.count_rows() == before
    assert [line for line in logs if line["event"] == "request_failed"] == []


def refused(answer: Answer | None) -> tuple[int, str]:
    """Status and code of a refusal, which has all that every refusal has."""
    assert answer is not None
    assert answer.headers["request-id"].startswith("req_")
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.error) <= {"code", "message", "type", "param"}
    assert len(answer.body) < 1000
    assert b"Traceback" not in answer.body
    return answer.status, answer.error["code"]


def nested(opening: bytes, closing: bytes, depth: int) -> bytes:
    return opening * depth + b"1" + closing * depth


def counted(value: bytes) -> bytes:
    return b'{"identity":{"business_details":{"estimated_worker_count":%b}}}' % value


BODIES = {
    "a key twice": (b'{"display_name":"a","display_name":"b"}', "parameter_invalid"),
    "a key twice, written differently": (b'{"display_name":"a","display\\u005fname":"b"}', "parameter_invalid"),
    "a key twice in an object below": (b'{"metadata":{"a":"1","a":"2"}}', "parameter_invalid"),
    "a key twice in a list": (b'{"identity":{"x":[{"a":1,"a":1}]}}', "parameter_invalid"),
    "lists 400,000 deep": (b'{"metadata":' + nested(b"[", b"]", 400_000) + b"}", "invalid_json"),
    "objects 150,000 deep": (nested(b'{"a":', b"}", 150_000), "invalid_json"),
    "objects 100 deep": (b'{"metadata":' + nested(b'{"a":', b"}", 100) + b"}", "invalid_json"),
    "an unfinished nest": (b"[" * 500_000, "invalid_json"),
    "integer of 400 digits": (counted(b"9" * 400), "invalid_json"),
    "integer of 500,000 digits": (counted(b"9" * 500_000), "invalid_json"),
    "integer beyond 64 bits": (counted(b"18446744073709551616"), "parameter_invalid"),
    "float": (counted(b"1.5"), "parameter_invalid"),
    "float beyond all": (counted(b"1e400"), "invalid_json"),
    "NaN": (counted(b"NaN"), "invalid_json"),
    "Infinity": (counted(b"-Infinity"), "invalid_json"),
    "lone surrogate": (b'{"display_name":"\\ud800"}', "invalid_json"),
    "lone surrogate in a key": (b'{"metadata":{"\\ud800":"x"}}', "invalid_json"),
    "surrogate as bytes": (b'{"display_name":"\xed\xa0\x80"}', "invalid_json"),
    "overlong NUL": (b'{"display_name":"\xc0\x80"}', "invalid_json"),
    "NUL": (b'{"display_name":"a\\u0000"}', "parameter_invalid"),
    "NUL in a key of metadata": (b'{"metadata":{"a\\u0000":"x"}}', "parameter_invalid"),
    "NUL in an unknown key": (b'{"\\u0000":"x"}', "parameter_invalid"),
    "NUL as a byte": (b'{"display_name":"\x00"}', "invalid_json"),
    "byte order mark": (b'\xef\xbb\xbf{"display_name":"a"}', "invalid_json"),
    "UTF-16": ('{"display_name":"a"}'.encode("utf-16"), "invalid_json"),
    "two documents": (b"{}{}", "invalid_json"),
    "comment": (b"{}//", "invalid_json"),
    "10,000 keys of metadata": (orjson.dumps({"metadata": {f"k{n}": "v" for n in range(10_000)}}), "parameter_invalid"),
    "10,000 unknown keys": (orjson.dumps({f"k{n}": 1 for n in range(10_000)}), "parameter_unknown"),
    "60,000 sections to include": (orjson.dumps({"include": ["identity"] * 60_000}), "parameter_invalid"),
    "key of a million characters": (b'{"%b":1}' % (b"k" * 900_000), "parameter_unknown"),
}


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(("body", "code"), BODIES.values(), ids=BODIES)
def test_json_that_means_nothing(platform: Platform, body: bytes, code: str) -> None:
    answer = ask(platform.server.url, request("POST", ACCOUNTS, platform.test_key, body, JSON))

    assert refused(answer) == (400, code)


def test_brackets_within_strings_are_no_nesting(platform: Platform) -> None:
    body = orjson.dumps({"display_name": '[{"' * 200, "metadata": {"a": "\\" * 100 + "[" * 100}})

    answer = platform.request("POST", ACCOUNTS, content=body)

    assert (answer.status_code, answer.json()["display_name"]) == (200, '[{"' * 200)


FORMS = {
    "300,000 brackets": (b"a" + b"[b]" * 300_000 + b"=1", "parameter_invalid"),
    "brackets 13 deep": (b"a" + b"[b]" * 13 + b"=1", "parameter_invalid"),
    "10,000 keys": ("&".join(f"a[{n}]=1" for n in range(10_000)).encode(), "parameter_invalid"),
    "far index": (b"expand[999999999]=a&" + BANK.encode(), "parameter_invalid"),
    "NUL in a key": (b"metadata[a%00]=1&" + BANK.encode(), "parameter_invalid"),
    "NUL": (b"metadata[a]=%00&" + BANK.encode(), "parameter_invalid"),
    "bytes that are no text": (b"metadata[a]=%ff&" + BANK.encode(), "parameter_invalid"),
    "bytes that are no text, unescaped": (b"metadata[a]=\xff&" + BANK.encode(), "parameter_invalid"),
    "surrogate": (b"metadata[a]=%ED%A0%80&" + BANK.encode(), "parameter_invalid"),
    "brackets the wrong way": (b"a]b[=1", "parameter_invalid"),
    "brackets of nothing": (b"[]=1", "parameter_invalid"),
    "both with and without brackets": (b"metadata=1&metadata[a]=1&" + BANK.encode(), "parameter_invalid"),
    "names of a language's insides": (b"__proto__[x]=1&" + BANK.encode(), "parameter_unknown"),
}


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(("body", "code"), FORMS.values(), ids=FORMS)
def test_form_that_means_nothing(platform: Platform, company: str, body: bytes, code: str) -> None:
    answer = ask(platform.server.url, request("POST", EXTERNAL.format(id=company), platform.test_key, body, FORM))

    assert refused(answer) == (400, code)
    assert answer is not None
    assert answer.error["type"] == "invalid_request_error"


HEADERS: dict[str, tuple[list[str | bytes], int, str]] = {
    "form instead of JSON": ([FORM], 400, "content_type_unsupported"),
    "text instead of JSON": (["Content-Type: text/plain"], 400, "content_type_unsupported"),
    "JSON in another character set": ([JSON + "; charset=latin-1"], 400, "content_type_unsupported"),
    "gzip": ([JSON, "Content-Encoding: gzip"], 400, "content_encoding_unsupported"),
    "chunked and a length": ([JSON, "Transfer-Encoding: chunked", "Content-Length: 2"], 400, "request_invalid"),
    "two lengths": ([JSON, "Content-Length: 2", "Content-Length: 3"], 400, "request_invalid"),
    "negative length": ([JSON, "Content-Length: -2"], 400, "request_invalid"),
    "signed length": ([JSON, "Content-Length: +2"], 400, "request_invalid"),
    "length beyond numbers": ([JSON, "Content-Length: " + "9" * 30], 400, "request_invalid"),
    "length of gigabytes": ([JSON, "Content-Length: 5000000000"], 413, "request_too_large"),
    "chunk without a size": ([JSON, "Transfer-Encoding: chunked"], 400, "request_invalid"),
    "two idempotency keys": (["Idempotency-Key: a", "Idempotency-Key: b"], 400, "header_repeated"),
    "the same key twice": (["Idempotency-Key: a", "idempotency-key: a"], 400, "header_repeated"),
    "two API keys": (["Authorization: Bearer sk_test_other"], 400, "header_repeated"),
    "two contexts": (["Stripe-Context: acct_1", "Stripe-Context: acct_2"], 400, "header_repeated"),
    "two versions": (["Stripe-Version: 2026-10-28.endive"] * 2, 400, "header_repeated"),
    "key of other characters": ([b"Idempotency-Key: \xc3\xa9"], 400, "parameter_invalid"),
    "key with a tab": (["Idempotency-Key: a\tb"], 400, "parameter_invalid"),
    "key with a control character": (["Idempotency-Key: a\x01b"], 400, "request_invalid"),
    "key with a NUL": (["Idempotency-Key: a\x00b"], 400, "request_invalid"),
    "key with a line of its own": (["Idempotency-Key: a\rb"], 400, "request_invalid"),
    "header over two lines": (["X-Header: a\r\n b"], 400, "request_invalid"),
    "header's name with a space": (["X Header: a"], 400, "request_invalid"),
    "very long header": (["X-Header: " + "a" * 2 * HEAD_LIMIT], 431, "headers_too_large"),
    "very many headers": ([f"X-Header-{n}: a" for n in range(10_000)], 431, "headers_too_large"),
}


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(("headers", "status", "code"), HEADERS.values(), ids=HEADERS)
def test_header_that_means_nothing(platform: Platform, headers: list[str | bytes], status: int, code: str) -> None:
    answer = ask(platform.server.url, request("POST", ACCOUNTS, platform.test_key, b"{}", *headers))

    assert refused(answer) == (status, code)
    assert answer is not None
    assert "idempotency-key" not in answer.headers or "Idempotency-Key: a" in headers


@pytest.mark.usefixtures("unchanged")
def test_encoding_in_transfer_is_refused(platform: Platform) -> None:
    chunks = b"2\r\n{}\r\n0\r\n\r\n"

    answer = ask(
        platform.server.url,
        request("POST", ACCOUNTS, platform.test_key, chunks, JSON, "Transfer-Encoding: gzip, chunked"),
    )

    assert refused(answer) == (400, "transfer_encoding_unsupported")


@pytest.mark.usefixtures("unchanged")
def test_v1_takes_no_json(platform: Platform, company: str) -> None:
    path = EXTERNAL.format(id=company)

    answer = ask(platform.server.url, request("POST", path, platform.test_key, b'{"external_account":"btok_us"}', JSON))

    assert refused(answer) == (400, "content_type_unsupported")


@pytest.mark.parametrize(
    "sent", ["application/json", "Application/JSON; charset=UTF-8", 'application/json;charset="utf-8"']
)
def test_json_may_say_that_it_is_json(platform: Platform, sent: str) -> None:
    answer = platform.request("POST", ACCOUNTS, content=b"{}", headers={"Content-Type": sent})

    assert answer.status_code == 200


PATHS = {
    "//v2/core/accounts": 404,
    "/v2//core/accounts": 404,
    "/v2/core/../core/accounts": 404,
    "/v2/core/%2e%2e/core/accounts": 404,
    "/v2/core/accounts%00": 404,
    "/v2/core/accounts/{id}%00": 404,
    "/v2/core/accounts/": 404,
    "/v2/core/accounts;a=b": 404,
    "/v2/core/accounts/{id};a=b": 404,
    "/v2/core/accounts/%ff": 404,
    "/v2/core/accounts/%ED%A0%80": 404,
    "/v2/core/accounts/%": 404,
    "/v2/core/accounts/" + "a" * 60_000: 404,
    "/V2/core/accounts": 404,
    "*": 404,
    "/v2/core/accounts?%00=1": 400,
    "/v2/core/accounts?page=%00": 400,
    "/v2/core/accounts?page=%ff": 400,
    "/v2/core/accounts?limit=%D9%A1": 400,
    "/v2/core/accounts?limit=1e1": 400,
    "/v2/core/accounts?" + "&".join(f"a{n}=1" for n in range(5000)): 400,
    "/v2/core/accounts?a" + "[b]" * 10_000 + "=1": 400,
    "/v2/core/accounts?_method=DELETE": 400,
    "v2/core/accounts": 400,
    "/v2/core/acc ounts": 400,
    "/v2/core/accounts/\xe9": 400,
    "/v2/core/accounts/\x00": 400,
    "/" + "a" * 2 * HEAD_LIMIT: 431,
    "/v2/core/accounts?a=" + "a" * 2 * HEAD_LIMIT: 431,
}


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(("path", "status"), PATHS.items(), ids=[path[:40] for path in PATHS])
def test_path_that_leads_nowhere(platform: Platform, company: str, path: str, status: int) -> None:
    answer = ask(platform.server.url, request("GET", path.format(id=company), platform.test_key))

    assert refused(answer)[0] == status


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "QUERY"])
@pytest.mark.parametrize("path", [ACCOUNTS, EXTERNAL])
def test_method_that_a_path_does_not_know(platform: Platform, company: str, method: str, path: str) -> None:
    answer = ask(platform.server.url, request(method, path.format(id=company), platform.test_key))

    assert refused(answer) == (405, "method_not_allowed")
    assert answer is not None
    assert ("type" in answer.error) is path.startswith("/v1")


@pytest.mark.parametrize("path", [ACCOUNTS, "/nowhere"])
def test_head_has_no_body(platform: Platform, path: str) -> None:
    answer = platform.request("HEAD", path)

    assert (answer.status_code, answer.content) == (405 if path == ACCOUNTS else 404, b"")
    assert answer.headers["request-id"].startswith("req_")


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("method", ["FROB", "get", "G\x00T"])
def test_method_that_nobody_knows(platform: Platform, method: str) -> None:
    assert refused(ask(platform.server.url, request(method, ACCOUNTS, platform.test_key))) == (400, "request_invalid")


def test_method_is_not_overridden(platform: Platform, company: str) -> None:
    headers = {"X-HTTP-Method-Override": "DELETE", "X-Method-Override": "DELETE"}

    answer = platform.request("POST", f"{ACCOUNTS}/{company}", json={"display_name": "Still here"}, headers=headers)

    assert answer.json()["display_name"] == "Still here"


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    ("path", "typed"),
    [("/v1", True), ("/v1/", True), ("/v1/nowhere", True), ("/v2", False), ("/v2/nowhere", False), ("/", False)],
)
def test_unknown_path_is_told_in_the_way_of_its_version(platform: Platform, path: str, typed: bool) -> None:  # noqa: FBT001
    for method in ("GET", "POST", "PUT"):
        answer = platform.request(method, path)

        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
        assert (answer.json()["error"].get("type") == "invalid_request_error") is typed


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    "garbage", [b"\x16\x03\x01\x02\x00\x01\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\r\n\r\nA"]
)
def test_bytes_that_are_no_http(platform: Platform, garbage: bytes) -> None:
    with Wire(platform.server.url) as wire:
        wire.send(garbage)
        wire.end()
        answer = wire.answer()

    assert answer is None or refused(answer) == (400, "request_invalid")


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    "beginning",
    [
        b"GET /",
        b"GET / HTTP/1.1\r\nHost: a\r\nX-",
        b"GET / HTTP/1.1\r\nHost: a\r\nX-Header: ",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Trailer: ",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;",
    ],
    ids=["path", "name of a header", "header", "trailer", "extension of a chunk"],
)
def test_what_never_ends_is_cut_off(platform: Platform, beginning: bytes) -> None:
    sent = 0
    with Wire(platform.server.url) as wire:
        wire.send(beginning)
        while wire.send(b"a" * 65_536):
            sent += 65_536
            assert sent < 100_000_000

    assert refused(ask(platform.server.url, request("GET", "/nowhere", platform.test_key)))[0] == 404


@pytest.mark.usefixtures("unchanged")
def test_body_that_is_cut_off(platform: Platform) -> None:
    for headers in ("Content-Length: 100", "Transfer-Encoding: chunked"):
        with Wire(platform.server.url) as wire:
            wire.send(request("POST", ACCOUNTS, platform.test_key, b'2\r\n{"', JSON, headers))
            wire.end()
            answer = wire.answer()
        assert answer is None or refused(answer)[0] == 400


def test_body_in_chunks_and_after_a_question_is_read(platform: Platform) -> None:
    chunked = request(
        "POST", ACCOUNTS, platform.test_key, b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n", "Transfer-Encoding: chunked"
    )
    made = ask(platform.server.url, chunked)
    with Wire(platform.server.url) as wire:
        wire.send(request("POST", ACCOUNTS, platform.test_key, b"", JSON, "Content-Length: 2", "Expect: 100-continue"))
        asked = wire.line()
        wire.send(b"{}")
        answer = wire.answer()

    assert made is not None
    assert made.status == 200
    assert asked == b"HTTP/1.1 100 Continue\r\n"
    assert answer is not None
    assert answer.status == 200


def test_bad_bytes_behind_a_request_are_not_taken_for_its_answer(platform: Platform) -> None:
    """The caller of a request that is complete must never read another one's refusal as the answer to it."""
    body = orjson.dumps({"display_name": "Pipelined"})
    with Wire(platform.server.url) as wire:
        wire.send(request("POST", ACCOUNTS, platform.test_key, body, JSON) + b"\x00\x01 nonsense\r\n\r\n")
        answer = wire.answer()

    assert answer is None or answer.status == 200

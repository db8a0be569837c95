"""Uploading, describing, listing and downloading files, with the official SDK."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import stripe

from tests.support.pictures import filled, image, pdf
from tests.support.samples import BARE
from tests.support.serving import Platform


def upload(sdk: Any, content: bytes, purpose: str = "account_requirement", **options: Any) -> Any:
    return sdk.v1.files.create({"purpose": purpose, "file": BytesIO(content)}, options)


def test_file_goes_up_and_comes_down(platform: Platform, tmp_path: Path) -> None:
    sdk = platform.sdk()
    path = tmp_path / "passport of Zelmira.png"
    path.write_bytes(image())
    began = int(time.time())

    with path.open("rb") as file:
        made = sdk.v1.files.create({"purpose": "identity_document", "file": file, "expand": ["links"]})

    assert made.id.startswith("file_")
    assert (made.object, made.purpose, made.type) == ("file", "identity_document", "png")
    assert (made.size, made.filename) == (len(image()), "passport of Zelmira.png")
    assert (made.title, made.expires_at, made.links.data) == (None, None, [])
    assert began - 1 <= made.created <= time.time() + 1
    assert sdk.v1.files.retrieve(made.id, {"expand": ["links"]}).to_dict() == made.to_dict()
    assert made.url == f"{platform.server.url}/v1/files/{made.id}/contents"
    answer = platform.request("GET", made.url.removeprefix(platform.server.url))
    assert (answer.status_code, answer.content) == (200, image())
    told = {name: answer.headers[name] for name in ("content-type", "x-content-type-options", "content-disposition")}
    assert told == {
        "content-type": "image/png",
        "x-content-type-options": "nosniff",
        "content-disposition": "attachment; filename*=UTF-8''passport%20of%20Zelmira.png",
    }


@pytest.mark.parametrize("size", [500, 262_143, 262_144, 262_145, 524_288, 1_000_000, 10_000_000])
def test_content_is_the_same_byte_for_byte(platform: Platform, size: int) -> None:
    content = filled(size)

    made = upload(platform.sdk(), content)

    answer = platform.request("GET", f"/v1/files/{made.id}/contents")
    assert (made.size, answer.content == content) == (size, True)


@pytest.mark.parametrize(
    ("content", "purpose", "kind"),
    [
        (image("JPEG"), "identity_document", "jpg"),
        (pdf(), "identity_document", "pdf"),
        (image("GIF"), "business_icon", "gif"),
        (image("PNG", (8000, 8000)), "business_logo", "png"),
        (pdf(), "pci_document", "pdf"),
    ],
)
def test_type_is_told_from_the_content(platform: Platform, content: bytes, purpose: str, kind: str) -> None:
    assert upload(platform.sdk(), content, purpose).type == kind


def test_a_camera_may_put_much_in_front_of_a_picture(platform: Platform) -> None:
    plain = image("JPEG")
    segment = b"\xff\xe1" + (60_002).to_bytes(2, "big") + bytes(60_000)

    made = upload(platform.sdk(), plain[:2] + 9 * segment + plain[2:], "identity_document")

    assert (made.type, made.size) == ("jpg", len(plain) + 9 * len(segment))


# --- whose files ------------------------------------------------------------------------------------------------------


def test_files_of_an_account_and_of_its_platform_are_kept_apart(platform: Platform) -> None:
    sdk = platform.sdk()
    account = sdk.v2.core.accounts.create(BARE)
    own = upload(sdk, pdf())
    of_account = upload(sdk, image(), stripe_account=account.id)
    path = f"/v1/files/{of_account.id}"

    def seen(**headers: str) -> list[int]:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return [
            platform.request("GET", where, headers=sent).status_code
            for where in (path, f"{path}/contents", f"/v1/files/{own.id}")
        ]

    assert seen() == [404, 404, 200]
    assert seen(Stripe_Account=account.id) == seen(Stripe_Context=account.id) == [200, 200, 404]
    assert seen(Stripe_Account=account.id, Stripe_Context=f"{platform.id}/{account.id}") == [200, 200, 404]
    assert seen(Stripe_Account=account.id, Stripe_Context="acct_0") == [400, 400, 400]
    assert [one.id for one in sdk.v1.files.list().data] == [own.id]
    assert [one.id for one in sdk.v1.files.list({}, {"stripe_account": account.id}).data] == [of_account.id]


def test_nobody_else_sees_a_file(platform: Platform, other_platform: Platform) -> None:
    account = platform.sdk().v2.core.accounts.create(BARE)
    mine = {"": upload(platform.sdk(), pdf()), account.id: upload(platform.sdk(), pdf(), stripe_account=account.id)}

    for account_id, file in mine.items():
        headers = {"Stripe-Account": account_id} if account_id else {}
        for path in (f"/v1/files/{file.id}", f"/v1/files/{file.id}/contents"):
            theirs = other_platform.request("GET", path, headers=headers)
            live = platform.request("GET", path, headers=headers, live=True)
            assert (theirs.status_code, live.status_code) == (404, 404)
    assert other_platform.sdk().v1.files.list().data == []
    assert platform.sdk(live=True).v1.files.list().data == []


@pytest.mark.parametrize("account_id", ["", "acct_0", "no id", "acct_\u00e9"])
def test_no_upload_for_an_account_that_is_not_ones_own(
    platform: Platform, other_platform: Platform, account_id: str
) -> None:
    foreign = account_id or other_platform.sdk().v2.core.accounts.create(BARE).id
    before = platform.server.count_rows()
    headers = {b"Authorization": f"Bearer {platform.test_key}".encode(), b"Stripe-Account": foreign.encode()}

    made = platform.server.http.post(
        "/v1/files",
        headers=headers,
        data={"purpose": "account_requirement"},
        files={"file": pdf()},
    )
    listed = platform.server.http.get(
        "/v1/files",
        headers=headers,
    )

    assert (made.status_code, listed.status_code) == (404, 404)
    assert platform.server.count_rows() == before


def test_files_of_a_closed_account_can_be_read_only(platform: Platform) -> None:
    sdk = platform.sdk()
    account = sdk.v2.core.accounts.create(BARE)
    made = upload(sdk, pdf(), stripe_account=account.id)
    sdk.v2.core.accounts.close(account.id)

    with pytest.raises(stripe.InvalidRequestError) as refused:
        upload(sdk, pdf(), stripe_account=account.id)

    assert refused.value.code == "account_closed"
    assert [one.id for one in sdk.v1.files.list({}, {"stripe_account": account.id}).data] == [made.id]


def test_nothing_is_left_of_an_erased_accounts_files(platform: Platform) -> None:
    sdk = platform.sdk()
    account = sdk.v2.core.accounts.create(BARE)
    made = upload(sdk, pdf(), stripe_account=account.id)
    platform.server.fetch("UPDATE accounts SET data_key = NULL, digest_key = NULL WHERE id = $1", account.id)

    for path in ("/v1/files", f"/v1/files/{made.id}", f"/v1/files/{made.id}/contents"):
        answer = platform.request("GET", path, headers={"Stripe-Account": account.id})
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


# --- lists ------------------------------------------------------------------------------------------------------------


def test_list_is_paged_while_files_are_added(platform: Platform) -> None:
    sdk = platform.sdk()
    made = [upload(sdk, pdf()).id for _ in range(5)]

    seen = []
    for one in sdk.v1.files.list({"limit": 2}).auto_paging_iter():
        seen.append(one.id)
        upload(sdk, pdf())

    assert seen == made[::-1]
    first = sdk.v1.files.list({"limit": 3})
    back = sdk.v1.files.list({"limit": 2, "ending_before": made[0]})
    assert (len(first.data), first.has_more, first.url) == (3, True, "/v1/files")
    assert ([one.id for one in back.data], back.has_more) == ([made[2], made[1]], True)
    assert [one.id for one in sdk.v1.files.list({"starting_after": made[1], "limit": 5}).data] == [made[0]]


def test_list_is_narrowed_by_purpose_and_time(platform: Platform) -> None:
    sdk = platform.sdk()
    icon = upload(sdk, image(), "business_icon")
    paper = upload(sdk, pdf())
    at = int(paper.created)
    platform.server.fetch("UPDATE files SET created_at = to_timestamp($2) WHERE id = $1", icon.id, at - 10 + 0.75)

    def found(**query: Any) -> list[str]:
        return [one.id for one in sdk.v1.files.list(query).data]

    assert found(purpose="business_icon") == [icon.id]
    assert found(purpose="selfie") == []
    assert found(created=at - 10) == found(created={"lte": at - 10}) == found(created={"lt": at - 9}) == [icon.id]
    assert found(created={"gt": at - 10}) == found(created={"gte": at - 9, "lte": at}) == [paper.id]
    assert found(created={"gt": at}) == found(created={"lt": at - 10}) == []
    assert found(created={"gte": at - 10}) == [paper.id, icon.id]


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"starting_after": "file_0"}, "starting_after"),
        ({"ending_before": "\x00"}, "ending_before"),
        ({"starting_after": "file_0", "ending_before": "file_0"}, "ending_before"),
        ({"purpose": "holiday"}, "purpose"),
        ({"created": "yesterday"}, "created"),
        ({"created[gt]": "999999999999"}, "created[gt]"),
        ({"created[near]": "1"}, "created[near]"),
        ({"page": "1"}, "page"),
    ],
)
def test_query_is_checked(platform: Platform, query: dict[str, str], param: str) -> None:
    answer = platform.request("GET", "/v1/files", params=query)

    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error["param"]) == (400, "invalid_request_error", param)


# --- the same request again -------------------------------------------------------------------------------------------


def test_the_same_key_makes_one_file(platform: Platform, files_folder: Path) -> None:
    sdk, before = platform.sdk(), stored(files_folder)

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: upload(sdk, filled(700_000), idempotency_key="once"), range(4)))

    assert len({one.id for one in made}) == 1
    assert [one.to_dict() for one in made] == 4 * [made[0].to_dict()]
    assert len(sdk.v1.files.list().data) == 1
    assert stored(files_folder) - before == {made[0].id}
    assert len(list(files_folder.rglob(f"{made[0].id}/*"))) == 3


def test_a_key_is_of_one_content_one_purpose_and_one_owner(platform: Platform) -> None:
    sdk = platform.sdk()
    account = sdk.v2.core.accounts.create(BARE)
    first = upload(sdk, filled(700_000), idempotency_key="used")

    for content, purpose in ((filled(700_000, seed=2), "account_requirement"), (filled(700_000), "identity_document")):
        with pytest.raises(stripe.IdempotencyError) as refused:
            upload(sdk, content, purpose, idempotency_key="used")
        assert refused.value.http_status == 400

    other = upload(sdk, filled(700_000), idempotency_key="used", stripe_account=account.id)
    assert other.id != first.id
    assert [one.id for one in sdk.v1.files.list().data] == [first.id]


def stored(folder: Path) -> set[str]:
    """Ids of the files of which something is stored."""
    return {path.name for path in folder.glob("*/*")}

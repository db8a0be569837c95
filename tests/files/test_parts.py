"""The seal of a file's parts: nothing opens but the whole file as it was, and names of objects."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onboarding.crypto import SealBroken
from onboarding.files.parts import FileCipher, count_of, name_of, new_key, prefix_of

FILE = "file_0d7kq3m9x2v000000000000000"
KEY = bytes(range(32))

part = st.binary(max_size=60)


def sealed(parts: list[bytes], key: bytes = KEY, file_id: str = FILE) -> list[bytes]:
    cipher = FileCipher(key, file_id)
    return [cipher.seal(number, plain, last=number == len(parts) - 1) for number, plain in enumerate(parts)]


def opened(stored: list[bytes], key: bytes = KEY, file_id: str = FILE) -> list[bytes]:
    cipher = FileCipher(key, file_id)
    return [cipher.open(number, one, last=number == len(stored) - 1) for number, one in enumerate(stored)]


@given(st.lists(part, min_size=1, max_size=6))
def test_what_is_sealed_opens(parts: list[bytes]) -> None:
    assert opened(sealed(parts)) == parts


@given(st.lists(part, min_size=1, max_size=6), st.data())
def test_anything_else_does_not(parts: list[bytes], data: st.DataObject) -> None:
    right = sealed(parts)
    wrong = data.draw(
        st.one_of(
            st.lists(st.sampled_from(right), min_size=1, max_size=7),
            st.permutations(right).map(list),
            st.just(right[:-1]),
            st.just([*right, right[-1]]),
            st.integers(0, len(right[0]) - 1).map(
                lambda at: [right[0][:at] + bytes((right[0][at] ^ 1,)) + right[0][at + 1 :], *right[1:]]
            ),
        ).filter(lambda found: bool(found) and found != right)
    )

    with pytest.raises(SealBroken):
        opened(wrong)


@pytest.mark.parametrize(("key", "file_id"), [(bytes(32), FILE), (KEY, f"{FILE[:-1]}1")])
def test_a_file_opens_under_its_own_key_and_id(key: bytes, file_id: str) -> None:
    with pytest.raises(SealBroken):
        opened(sealed([b"a", b"b"]), key, file_id)


def test_keys_are_fresh() -> None:
    assert len({new_key() for _ in range(100)}) == 100


@pytest.mark.parametrize(("size", "count"), [(0, 1), (1, 1), (10, 1), (11, 2), (20, 2), (21, 3)])
def test_parts_are_counted(size: int, count: int) -> None:
    assert count_of(size, 10) == count


def test_objects_are_found_by_the_files_id() -> None:
    assert prefix_of(FILE) == f"00/{FILE}"
    assert name_of(FILE, 7) == f"00/{FILE}/007"

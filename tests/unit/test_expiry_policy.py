"""ExpiryPolicy by itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from pyignite_rs.datatypes import ExpiryPolicy


def test_names_of_special_times() -> None:
    assert (ExpiryPolicy.UNCHANGED, ExpiryPolicy.ETERNAL) == (-2, -1)


def test_what_is_not_given_is_unchanged() -> None:
    assert ExpiryPolicy() == ExpiryPolicy(create=-2, update=-2, access=-2)
    assert repr(ExpiryPolicy(create=5)) == "ExpiryPolicy(create=5, update=-2, access=-2)"
    assert ExpiryPolicy(create=5) != ExpiryPolicy(update=5)


def test_times_are_given_by_name() -> None:
    with pytest.raises(TypeError):
        ExpiryPolicy(5)  # type: ignore[misc]


@pytest.mark.parametrize("time", [-2, -1, 0, 5, 2**62, timedelta(), timedelta(days=1), timedelta(milliseconds=-1)], ids=str)
def test_times(time: Any) -> None:
    for name in ("create", "update", "access"):
        assert getattr(ExpiryPolicy(**{name: time}), name) == time


@pytest.mark.parametrize("time", [-3, -1000, timedelta(seconds=-1), timedelta(microseconds=-1500)], ids=str)
def test_negative_times(time: Any) -> None:
    for name in ("create", "update", "access"):
        with pytest.raises(ValueError, match=f"'{name}' value must not be negative"):
            ExpiryPolicy(**{name: time})


@pytest.mark.parametrize("time", [1.5, "5", None], ids=str)
def test_times_of_the_wrong_type(time: Any) -> None:
    for name in ("create", "update", "access"):
        with pytest.raises(TypeError, match=f"'{name}' must be"):
            ExpiryPolicy(**{name: time})

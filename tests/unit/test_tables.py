"""What Python repeats is what the Rust half knows."""

from __future__ import annotations

from typing import Any

import pytest

from pyignite_rs import _core
from pyignite_rs.datatypes import ClusterState, ExpiryPolicy, cache_config, cache_properties, prop_codes
from pyignite_rs.datatypes.base import IgniteDataType
from pyignite_rs.queries import op_codes

TABLES: dict[str, Any] = _core.tables()


def test_op_codes() -> None:
    assert {name: getattr(op_codes, name, None) for name in TABLES["operations"]} == TABLES["operations"]


def test_property_codes() -> None:
    here = {name: code for name, code in vars(prop_codes).items() if name.startswith("PROP_")}
    assert here == {name: code for name, (code, _) in TABLES["properties"].items()}


@pytest.mark.parametrize("name", TABLES["properties"])
def test_property_classes(name: str) -> None:
    code, kind = TABLES["properties"][name]
    found = cache_properties.prop_map(code)
    assert found.prop_code == code
    assert found.__name__ in cache_properties.__all__
    assert kind in names_of(found.prop_data_class)


def names_of(kind: Any) -> list[str]:
    """The names that a type goes by: its own and those of its parents, or the name of a list of dicts."""
    if isinstance(kind, cache_config._Records):
        return [name for name, value in vars(cache_config).items() if value is kind]
    return [parent.__name__ for parent in kind.__mro__ if parent is not IgniteDataType]


@pytest.mark.parametrize("name", TABLES["records"])
def test_lists_of_dicts(name: str) -> None:
    record = getattr(cache_config, name)
    assert [key for key, _ in record.following] == [key for key, _, _ in TABLES["records"][name]]
    for (_, kind), (key, wanted, is_optional) in zip(record.following, TABLES["records"][name], strict=True):
        assert wanted in names_of(kind)
        assert (key in record.defaults) is is_optional


def test_a_code_that_is_no_property() -> None:
    with pytest.raises(KeyError):
        cache_properties.prop_map(-1)
    assert cache_properties.AnyProperty.prop_code is None


def test_states_of_a_cluster() -> None:
    assert {state.name: state.value for state in ClusterState} == TABLES["states"]


def test_times_of_expiry_policies() -> None:
    assert {name: getattr(ExpiryPolicy, name) for name in TABLES["expiry"]} == TABLES["expiry"]

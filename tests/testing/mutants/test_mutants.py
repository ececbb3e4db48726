"""Every fault that a plugin author may make fails the contract suite, and for its own reason."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from socialcrm.testing import ConnectorSuite, FakeConnector, fake_scenario

from . import fetching, parsing, sending

MUTANTS = (*fetching.MUTANTS, *parsing.MUTANTS, *sending.MUTANTS)
caught_so_far: set[str] = set()


def run(connector: Any, test: str, paging: str) -> None:
    suite = type("Suite", (ConnectorSuite,), {"connector": connector})()
    method = getattr(suite, test)
    method(*([fake_scenario(paging)] if inspect.signature(method).parameters else []))


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_the_fault_is_found(mutant: Any) -> None:
    """The suite fails, and says which promise was broken."""
    with pytest.raises(AssertionError) as caught:
        run(mutant.connector, mutant.test, mutant.paging)
    assert mutant.reason in str(caught.value)
    caught_so_far.add(str(mutant))


def test_all_faults_are_found(capsys: pytest.CaptureFixture[str]) -> None:
    """None of the faults gets through; says how many there are."""
    if len(caught_so_far) < len(MUTANTS):
        pytest.skip(f"{len(caught_so_far)} of {len(MUTANTS)} faults were tried in this process and caught")
    with capsys.disabled():
        print(f"\n{len(caught_so_far)} of {len(MUTANTS)} faults caught by the contract suite")
    assert len(MUTANTS) >= 20


@pytest.mark.parametrize("test", sorted({(mutant.test, mutant.paging) for mutant in MUTANTS}), ids="-".join)
def test_without_the_fault_it_passes(test: tuple[str, str]) -> None:
    """The same test passes with the connector as it is."""
    run(FakeConnector, *test)

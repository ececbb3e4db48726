"""The page of platforms and the plugins' READMEs are held to the code."""

from __future__ import annotations

import pytest

from .platforms import BEGIN, PAGE, PLUGINS, connectors, page, readme, with_capabilities

FOUND = connectors()


def test_every_plugin_of_this_repository_is_there() -> None:
    """Each folder below ``plugins`` is a connector that loads, but for the library that Meta's three share."""
    folders = {path.name.removeprefix("socialcrm-") for path in PLUGINS.iterdir() if (path / "pyproject.toml").is_file()}
    assert folders - {"meta"} == set(FOUND)


def test_the_page_is_what_the_plugins_say() -> None:
    """The page is up to date; if not, ``python -m tests.docs.platforms`` writes it anew."""
    assert PAGE.read_text(encoding="utf-8") == page()


@pytest.mark.parametrize("platform", FOUND)
def test_a_readme_says_what_the_code_declares(platform: str) -> None:
    """The table of capabilities is up to date; if not, ``python -m tests.docs.platforms`` writes it anew."""
    text = readme(platform).read_text(encoding="utf-8")
    assert BEGIN in text
    assert with_capabilities(text, FOUND[platform]) == text


@pytest.mark.parametrize("platform", FOUND)
def test_a_connector_says_what_it_was_proven_on(platform: str) -> None:
    """And from which documents it was written."""
    info = FOUND[platform].info
    assert info.proven
    assert info.documentation

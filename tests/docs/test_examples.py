"""Every Python block of the documentation runs, or at least compiles where it says that it is a fragment."""

from __future__ import annotations

import ast
import asyncio
import inspect
import sys
import textwrap
from pathlib import Path
from types import ModuleType

import pytest

from .pages import DOCS, Block, blocks, pages

_NAMES = [str(page.relative_to(DOCS)) for page in pages()]


def _compile_fragment(block: Block) -> None:
    text = textwrap.dedent(block.text)
    try:
        compile(text, str(block), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except SyntaxError:
        inside = "async def outside():\n" + textwrap.indent(text, "    ")
        if "yield from" in text or "return" in text:
            inside = inside.removeprefix("async ")
        compile(inside, str(block), "exec", dont_inherit=True)


def _run(block: Block, module: ModuleType) -> None:
    code = compile(block.padded, str(block.page), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    if code.co_flags & inspect.CO_COROUTINE:
        asyncio.run(eval(code, vars(module)))
    else:
        exec(code, vars(module))


@pytest.mark.parametrize("name", _NAMES)
def test_every_python_block_works(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Python blocks of a page run one after another, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    module = ModuleType("docs_page")
    monkeypatch.setitem(sys.modules, "docs_page", module)
    for block in blocks(DOCS / name):
        target = tmp_path / (block.value("file") or block.value("add") or ".")
        if target != tmp_path:
            before = target.read_text() if block.value("add") else ""
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(before + block.text)
            if block.lang == "python":
                compile(target.read_text(), str(block), "exec", dont_inherit=True)
        elif block.lang == "python" and "fragment" in block.words:
            _compile_fragment(block)
        elif block.lang == "python":
            _run(block, module)


@pytest.mark.parametrize("name", _NAMES)
def test_every_link_leads_somewhere(name: str) -> None:
    """A link to another page or file of the repository leads to one that exists."""
    import re

    page = DOCS / name
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    assert [link for link in links if link and not (page.parent / link).exists()] == []

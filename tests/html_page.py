"""An HTML page read tag by tag, for tests of reports."""

from collections.abc import Sequence
from html.parser import HTMLParser

VOID = {"meta"}
FETCHED = {"script", "link", "img", "iframe", "object"}


class Page(HTMLParser):
    """A page read tag by tag; tags that do not match fail."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def assert_self_contained(html: str) -> None:
    """Fail for a page that fetches or runs anything."""
    page = Page(html)
    assert not page.tags & FETCHED
    assert not page.attributes & {"src", "href", "onload", "onclick"}
    assert "url(" not in html

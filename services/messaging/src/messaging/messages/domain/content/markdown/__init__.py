"""The markdown subset: read into text and spans, and written from them.

- `**bold**`, `*italic*` or `_italic_`, `~~strike~~`, as CommonMark and GFM read them, with the
  amendments for Chinese, Japanese and Korean: `**重点：**后文` is bold.
- `` `code` `` with any number of backticks.
- Lines between ``` or ~~~ are a code block; the first word after the opening mark is its language.
- Lines that begin with `>` are a quote. Every one needs its mark; quotes inside quotes are one.
- `[text](address)`, `<address>`, and bare `http:`, `https:` and `mailto:` addresses of ASCII.
- `<@per_…>` mentions a person, `<!all>` all members, `<!dep_…>` a department. A display text may
  follow: `<@per_…|@林薇>`. Without it the id is shown, which clients replace by the current name.
- A backslash before punctuation removes its meaning; `<!-- -->` produces nothing and separates
  marks that must not touch.

Everything else is plain text: headings, lists, tables, images and HTML have no meaning here. An
address that no client should follow makes no link and its marks stay text. Of a link whose text is
an address of another host, both are shown and only the real target is a link.
"""  # noqa: RUF002 - the amendments are about Chinese punctuation

from messaging.messages.domain.content.markdown.cost import MARK_LIMIT
from messaging.messages.domain.content.markdown.reading import read_markdown
from messaging.messages.domain.content.markdown.writing import write_markdown

__all__ = ["MARK_LIMIT", "read_markdown", "write_markdown"]

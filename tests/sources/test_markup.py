r"""LaTeX and HTML in titles and abstracts: what is decoded, and what only looks like it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.sources.markup import without_html, without_latex
from service.sources.records import make_paper
from service.types import Paper
from tests.sources.conftest import many_inputs

LATEX = [
    (r"98\% of \$5 \& \#1 a\_b", "98% of $5 & #1 a_b"),
    (r"Erd\H{o}s, Poincar\'e, G{\"o}del, \v{C}ech", "Erdős, Poincaré, Gödel, Čech"),
    (r"na\"{\i}ve {\'e} \L ukasz {\o}", "naïve é Łukasz ø"),
    (r"$\alpha$-synuclein", "\N{GREEK SMALL LETTER ALPHA}-synuclein"),
    (r"$x_{i}^2 \le 10^{-3}$", "x_i^2 ≤ 10^-3"),
    (r"\(\mathcal{O}(n \log n)\) and $ \mathbb{R}^d $", "O(n log n) and \N{DOUBLE-STRUCK CAPITAL R}^d"),
    (r"5\times faster, $\sim$3$\times$, H$_2$O", "5\xd7 faster, \u223c3\xd7, H_2O"),
    (r"$\frac{1}{2}$ of $\sqrt{2}$", "1/2 of √(2)"),
    (r"$k$-NN with $k=5$, $p<0.05$ ($N=3$)", "k-NN with k=5, p<0.05 (N=3)"),
    (r"$\mathcal{B}$-Coder and $\textbf{S}^2$IP", "B-Coder and S^2IP"),
    (r"\textbf{bold {x} y} \emph{e} \texttt{a\_b} {\em slanted}", "bold x y e a_b slanted"),
    (r"``quoted'' twice, ``so''", "“quoted” twice, “so”"),
    (r"\url{https://x.org/~a_b%20} \href{http://x.org/~a}{here}", "https://x.org/~a_b%20 here (http://x.org/~a)"),
    ("Fig.~2 and 5~GB", "Fig. 2 and 5 GB"),
    (r"for $T\leq$500 K, $\hbar$, 4{\deg} and 5 \celsius", "for T≤500 K, ħ, 4° and 5 °C"),
    (r"$O\left(\tfrac{1}{n}\log m\right)$ and $\bigl(\boldsymbol{x}\bigr)$", "O(1/n log m) and (x)"),
    (r"Mn\textsubscript{3}GaN in ${\cal N}=4$ and {\cal N}=2", "Mn3GaN in N=4 and N=2"),
]
NOT_LATEX = [
    "98% of $5 and $10 more, ~10% and {-1, 0, 1}",
    "prices of $100 in US$ and A$, a budget of \\800 each",
    "https://x.org/~user and C:\\new\\table",
    r"costs $5 and C:\left of $6",
    r"\eg we use \name; \frac without arguments",
    r"as \cite{lewis2021paq} says",
    "it''s done \\",
    "MHC^3 and 12^3 times 4, a_b, <1M",
    "{" * 500 + "$" * 500 + "\\" * 500,
]


@pytest.mark.parametrize(("source", "decoded"), LATEX)
def test_latex_is_decoded_for_reading(source: str, decoded: str) -> None:
    assert without_latex(source) == decoded


@pytest.mark.parametrize("text", NOT_LATEX, ids=lambda text: text[:20])
def test_what_only_looks_like_latex_stays(text: str) -> None:
    assert without_latex(text).replace("\\\\", "\\") == text.replace("\\\\", "\\")


HTML = [
    ("<jats:p>We <jats:italic>do</jats:italic> it.</jats:p><p>Twice.</p>", " We do it.  Twice. "),
    ("a &lt; b &amp; c &#x2264; d", "a < b & c ≤ d"),
    ("x<sub>2</sub> and <b class='q'>bold</b>", "x2 and bold"),
    ("&lt;p&gt;encoded twice&lt;/p&gt;", " encoded twice "),
    ("before<script>alert(1)</script>after<!-- hidden -->.", "before after ."),
    ("p < 0.05 and q > 1, the <div> element, a <b c", "p < 0.05 and q > 1, the <div> element, a <b c"),
]


@pytest.mark.parametrize(("source", "text"), HTML)
def test_the_tags_of_publishers_are_taken_out_and_other_signs_stay(source: str, text: str) -> None:
    assert without_html(source) == text


def test_the_original_is_kept_beside_what_is_read() -> None:
    made = make_paper("x:1", title=r"The $\alpha$ of \emph{it}", abstract=r"Up to 98\%.", markup="latex")
    assert isinstance(made, Paper)
    assert (made.title, made.abstract) == ("The \N{GREEK SMALL LETTER ALPHA} of it", "Up to 98%.")
    assert (made.original_title, made.original_abstract) == (r"The $\alpha$ of \emph{it}", r"Up to 98\%.")


def test_where_nothing_is_decoded_nothing_is_kept_twice() -> None:
    made = make_paper("x:1", title="A Title", abstract="98% of it.", markup="latex")
    assert isinstance(made, Paper)
    assert (made.original_title, made.original_abstract) == (None, None)


def test_text_that_is_no_source_of_latex_is_verbatim() -> None:
    made = make_paper("x:1", title=r"\emph{A} Title", abstract=r"98\% of it.")
    assert isinstance(made, Paper)
    assert (made.title, made.abstract) == (r"\emph{A} Title", r"98\% of it.")


PIECES = st.sampled_from(
    ["\\", "{", "}", "$", "$$", "~", "``", "''", "\\alpha", "\\frac", "\\textbf{", "\\'", "\\url{", "\\href{a}{", "^",
     "_", "<", ">", "<p>", "</", "<script>", "<!--", "&lt;", "&#0;", "&#x110000;", "&", "\\(", "\\)", "\\begin{x}", "%",
     "\n"]
)  # fmt: skip


@given(st.lists(PIECES | st.text(max_size=5), max_size=40).map("".join))
@many_inputs
def test_no_text_is_an_exception_or_grows_beyond_reason(text: str) -> None:
    decoded = without_latex(without_html(text))
    assert len(decoded) <= 3 * len(text) + 20


@given(st.text(st.characters(exclude_characters="\\$`~<&"), max_size=200))
@many_inputs
def test_a_text_without_markup_stays_as_it_is(text: str) -> None:
    assert without_latex(without_html(text)) == text

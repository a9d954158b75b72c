"""PDF files as papers are: a title in large letters, names, an abstract, the first section."""

from fpdf import FPDF

TITLE = "Sparse Adapters for Dense Problems"
ABSTRACT = (
    "We study adapters of large language models. Pre-trained weights stay as they are, and only a small part of the "
    "network is trained. On twelve tasks this reaches 97.3% of full fine-tuning with 0.4% of its parameters."
)


def paper_pdf(
    *, title: str = TITLE, abstract: str = ABSTRACT, heading: str = "Abstract", metadata: str = "", stamp: str = ""
) -> bytes:
    """One page; `stamp` is what arXiv prints on the margin."""
    document = FPDF()
    document.add_page()
    if metadata:
        document.set_title(metadata)
    if stamp:
        document.set_font("Times", size=20)
        with document.rotation(90, x=10, y=200):
            document.text(10, 200, stamp)
    document.set_font("Helvetica", "B", 17)
    document.multi_cell(0, 9, title, align="C", new_x="LMARGIN", new_y="NEXT")
    document.set_font("Helvetica", size=11)
    document.multi_cell(0, 8, "Ada Lovelace and Charles Babbage", align="C", new_x="LMARGIN", new_y="NEXT")
    for text, style in ((heading, "B"), (abstract, ""), ("1 Introduction", "B"), ("Nobody reads this part. " * 30, "")):
        document.set_font("Helvetica", style, 10)
        document.multi_cell(0, 5, text, new_x="LMARGIN", new_y="NEXT")
    return bytes(document.output())

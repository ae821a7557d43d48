"""Text that a person typed or pasted, made fit for the wire."""


def well_formed(text: str) -> str:
    """Replace halves of surrogate pairs, which a paste can hold and no JSON may (RFC 8259, section 8.2)."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

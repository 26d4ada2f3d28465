"""One normal form of prompts, by which two texts that read the same are the same."""

import unicodedata


def fold_prompt(text: str) -> str:
    """Return the text without what a reader does not see: case, white space, compatibility forms.

    Invisible characters (category Cf, such as a zero-width space) are dropped, any white space is one
    space, and letters are NFKC and case-folded. It is for comparing, never for showing.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    seen = "".join(sign for sign in folded if unicodedata.category(sign) != "Cf")
    return " ".join(seen.split())

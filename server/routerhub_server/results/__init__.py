"""What came back: is it an image at all, and is it the one that was asked for?"""

from routerhub_server.results.delivered import mismatches
from routerhub_server.results.no_image import NoImage, as_error, classify, kind_of

__all__ = ["NoImage", "as_error", "classify", "kind_of", "mismatches"]

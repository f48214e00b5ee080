"""The version of this package, below everything else, so that each part can say it."""

__version__ = "0.1.0"

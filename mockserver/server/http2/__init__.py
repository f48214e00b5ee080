"""Services that speak over a stream of HTTP/2, in the event-stream framing of AWS. ``h2`` is the extra ``nova``."""

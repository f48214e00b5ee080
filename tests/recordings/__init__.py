"""One short talk with each provider that has a simulator, by a real client where one installs here, as a cassette.

``make cassettes`` writes them anew into ``cassettes/``: ``python -m tests.recordings [NAME ...]``. Each is made by
``mockserver record`` in front of ``mockserver simulate NAME``, as its header says; where no recorder can stand, the
simulated server itself is recorded.
"""

UNRECORDED = "make cassettes: the simulated server itself, for no recorder can be put before the provider"
"""The origin of such a cassette."""

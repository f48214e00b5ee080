"""The pytest plugin: fixtures, the marker ``realtime_mock`` and the options that begin with ``--realtime-mock``.

Registered under the name ``realtime_mock`` by the package's ``pytest11`` entry point. Nothing here is autouse, and
nothing touches the network unless recording is asked for.
"""

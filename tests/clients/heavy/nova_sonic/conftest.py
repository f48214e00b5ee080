"""Clients that take long to install: ``make test-clients`` installs them and names their folder."""

import os

collect_ignore_glob = [] if "MOCKSERVER_CLIENTS" in os.environ else ["test_*.py"]

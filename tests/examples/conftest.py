"""What the examples need on any machine: no tracing, which would look for the network."""

import os

os.environ["OPENAI_AGENTS_DISABLE_TRACING"] = "1"

"""``make soak``: sessions that open, talk, are cut and come back for minutes; then nothing may be left."""

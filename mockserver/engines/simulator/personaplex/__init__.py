"""PersonaPlex: one conversation at a time, in Ogg-Opus, on the clock of the client's audio."""

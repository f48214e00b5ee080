"""Amazon Nova Sonic: its prompts, its turns, its blocks, its timeouts."""

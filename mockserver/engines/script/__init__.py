"""What a test wrote answers, step by step."""

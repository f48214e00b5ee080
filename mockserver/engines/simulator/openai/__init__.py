"""The simulated OpenAI Realtime service, and in ``cousins`` those that speak nearly its language."""

"""A session as a page to look at: lanes of frames, waveforms that can be played, replies as bars, every frame's JSON.

``scene`` reads frames, ``sound`` their audio, ``pack`` makes both small, ``page`` puts them into one HTML file.
"""

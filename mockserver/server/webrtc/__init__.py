"""Services that are called over WebRTC: events on a data channel, audio as Opus. ``aiortc`` is the extra ``webrtc``."""

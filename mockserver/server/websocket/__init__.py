"""The shell over websockets: HTTP and handshakes, the one writer of a socket, the connection to an upstream."""

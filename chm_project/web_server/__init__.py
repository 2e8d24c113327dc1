"""CHM's web server: Waitress in several processes that share one listening socket.

Waitress reads each request completely before a thread works on it, and buffers each response until the client has read
it. So a slow client occupies a buffer and no thread. Decision 0019 has the measurements.
"""

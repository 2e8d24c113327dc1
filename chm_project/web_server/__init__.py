"""CHM's web server: Waitress in several processes that share one listening socket.

Waitress receives each request whole, and keeps each answer until the client has read it, before and after a thread
works on it. So a slow client holds a buffer and never a thread. Decision 0019 says what else was measured.
"""

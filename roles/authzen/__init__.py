"""The OpenID AuthZEN Authorization API 1.0 for outside services (PDP-3): a thin ASGI application before the one engine.

A token names the organization and who asks. Every request waits for a reading of the policy's version that starts after
the request has arrived, and is answered from a snapshot that is not older; without PostgreSQL there is no answer.
"""

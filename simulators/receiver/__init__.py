"""A stand-in for a system that lets merchants use features: ``python -m simulators.receiver --port 8092 --state DIR``.

It keeps a switchboard: for each merchant and feature the version that it last obeyed, and which parts are open. It is
told by signed calls, obeys none of a lower version than it has obeyed, does nothing twice, keeps its state over a
restart, and fails in the ways that a test scripts.
"""

"""Request parameters of the wire, as models that say which keys exist and what form their values have.

The models know no policy: which capability, entity type or id number an account may have is decided elsewhere.
"""

"""What can be wrong with the machine the parts are started on."""


class LocalSetupError(Exception):
    """Something the machine lacks or holds stops a part from starting.

    The message is one line for a person: what is missing or in the way, and how
    to mend it.
    """

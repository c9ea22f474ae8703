"""What can stop the local stack, each with a message for the person at the terminal."""


class StackError(Exception):
    """The stack cannot start or cannot go on; the message says why and what helps."""

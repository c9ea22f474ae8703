"""What a state means to the eye: one meaning per colour, everywhere in the admin."""

GOOD, BAD, WARNING, BUSY, QUIET = "good", "bad", "warning", "busy", "quiet"

_TONES = {
    **dict.fromkeys(
        ("SETTLED", "PAID", "SENT", "SOLD", "REFUNDED", "FINISHED", "DONE", "MENDED", "ANSWERS", "RUN"), GOOD
    ),
    **dict.fromkeys(("FAILED", "REFUSED", "NOT_PAID", "GIVEN_UP", "OPEN", "CRITICAL", "SILENT", "STOP"), BAD),
    **dict.fromkeys(("REVIEW", "UNKNOWN", "UNCLAIMED", "SURPLUS", "WARNING", "DRAIN"), WARNING),
    **dict.fromkeys(("QUEUED", "REQUESTED", "PENDING", "STARTED", "ACCEPTED", "WAITING", "PLACED", "RESERVED"), BUSY),
}


def tone_of(state: str) -> str:
    return _TONES.get(state, QUIET)

"""How staff see days and times: 22 Nov 2026 09:33:12 WAT."""

DATE_FORMAT = SHORT_DATE_FORMAT = "j M Y"
TIME_FORMAT = "H:i:s T"
DATETIME_FORMAT = SHORT_DATETIME_FORMAT = "j M Y H:i:s T"

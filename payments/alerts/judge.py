"""What a reading means by its rule, and how it is said."""

from payments.alerts.rules import Reading, Rule
from payments.models import Severity


def thresholds(rule: Rule, reading: Reading) -> dict[Severity, float]:
    """From where on it is which; the worst first."""
    critical = rule.critical if reading.critical is None else reading.critical
    warning = rule.warning if reading.warning is None else reading.warning
    both = {Severity.CRITICAL: critical, Severity.WARNING: warning}
    return {severity: value for severity, value in both.items() if value is not None}


def severity_of(rule: Rule, reading: Reading) -> Severity | None:
    """None: all is well."""
    for severity, threshold in thresholds(rule, reading).items():
        if reading.value < threshold if rule.low_is_bad else reading.value >= threshold:
            return severity
    return None


def say(rule: Rule, reading: Reading, severity: Severity | None) -> str:
    """One line: what, where, and how far from where it should be."""
    where = f" of {reading.place}" if reading.place else ""
    limits = thresholds(rule, reading)
    threshold = limits.get(severity or Severity.WARNING, next(iter(limits.values()), None))
    text = f"{rule.title}{where}: {reading.said or show(reading.value, rule.unit)}"
    if threshold is None or not rule.unit:
        return text
    word = "below" if rule.low_is_bad else "from"
    return f"{text} ({(severity or Severity.WARNING).label.lower()} {word} {show(threshold, rule.unit)})"


def show(value: float, unit: str) -> str:
    """A value as people say it."""
    if unit == "s":
        return f"{value / 60:,.1f} min" if value >= 120 else f"{value:,.1f} s"
    return f"{value:,.6g} {unit}".strip() if unit != "%" else f"{value:.1f} %"

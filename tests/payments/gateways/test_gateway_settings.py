"""The settings of the gateways: on, off, half configured, and pairs that must not be."""

import pytest

from choptym.settings import env, gateways

FAPSHI = {
    "FAPSHI_BASE_URL": "https://live.fapshi.com", "FAPSHI_API_USER": "user", "FAPSHI_API_KEY": "FAK_live",
    "FAPSHI_WEBHOOK_SECRET": "secret",
}  # fmt: skip
CAMPAY = {
    "CAMPAY_BASE_URL": "https://www.campay.net/api", "CAMPAY_USERNAME": "user", "CAMPAY_PASSWORD": "password",
    "CAMPAY_WEBHOOK_KEY": "key",
}  # fmt: skip


@pytest.fixture
def problems(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A clean environment for production; the problems that reading it finds."""
    for name in (*FAPSHI, *CAMPAY, "CAMPAY_TOKEN", "FAPSHI_WEBHOOK_SECRET_PREVIOUS"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)
    monkeypatch.setattr(gateways, "_IS_FOR_DEVELOPMENT", False)
    found: list[str] = []
    monkeypatch.setattr(env, "problems", found)
    return found


def put(monkeypatch: pytest.MonkeyPatch, values: dict[str, str]) -> None:
    for name, value in values.items():
        monkeypatch.setenv(name, value)


def test_leaves_out_what_is_not_configured(problems: list[str]) -> None:
    assert (gateways._fapshi(), gateways._campay()) == (None, None)
    assert problems == []


def test_makes_an_adapter_of_a_whole_entry(problems: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    put(monkeypatch, {**FAPSHI, "FAPSHI_WEBHOOK_SECRET_PREVIOUS": "old", "FAPSHI_MAX_CONCURRENT": "7", **CAMPAY})

    fapshi, campay = gateways._fapshi(), gateways._campay()

    assert fapshi is not None
    assert campay is not None
    assert problems == []
    assert fapshi["max_concurrent"] == 7
    assert fapshi["options"]["webhook_secrets"] == ("secret", "old")
    assert campay["options"]["absence_proves_after_seconds"] is None
    assert fapshi["door"]["pool_size"] == 20


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"FAPSHI_API_USER": "user"}, "FAPSHI is half configured: FAPSHI_BASE_URL, FAPSHI_API_KEY not set"),
        (
            {"CAMPAY_BASE_URL": "https://www.campay.net/api"},
            "CAMPAY is half configured: CAMPAY_USERNAME, CAMPAY_PASSWORD",
        ),
        ({**FAPSHI, "FAPSHI_API_KEY": "FAK_TEST_x"}, "FAPSHI_API_KEY is a test key"),
        ({**FAPSHI, "FAPSHI_BASE_URL": "https://sandbox.fapshi.com"}, "FAPSHI_API_KEY is a live key"),
        ({**FAPSHI, "FAPSHI_BASE_URL": "http://live.fapshi.com"}, "FAPSHI_BASE_URL must be https://"),
        ({**FAPSHI, "FAPSHI_WEBHOOK_SECRET": ""}, "FAPSHI_WEBHOOK_SECRET is not set"),
        ({**CAMPAY, "CAMPAY_WEBHOOK_KEY": ""}, "CAMPAY_WEBHOOK_KEY is not set"),
        ({**CAMPAY, "CAMPAY_BASE_URL": "https://demo.campay.net/api"}, "CAMPAY_BASE_URL is the demo host"),
        ({**FAPSHI, "FAPSHI_TOTAL_TIMEOUT_SECONDS": "3600"}, "FAPSHI_TOTAL_TIMEOUT_SECONDS must be"),
        ({**FAPSHI, "FAPSHI_MAX_CONCURRENT": "many"}, "FAPSHI_MAX_CONCURRENT='many' is not a whole number"),
    ],
)
def test_names_what_is_wrong(
    problems: list[str], monkeypatch: pytest.MonkeyPatch, values: dict[str, str], expected: str
) -> None:
    put(monkeypatch, values)

    gateways._fapshi()
    gateways._campay()

    assert len(problems) == 1
    assert problems[0].startswith(expected)


def test_takes_a_permanent_token_instead_of_a_password(problems: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    base_url, key = CAMPAY["CAMPAY_BASE_URL"], CAMPAY["CAMPAY_WEBHOOK_KEY"]
    put(monkeypatch, {"CAMPAY_BASE_URL": base_url, "CAMPAY_TOKEN": "forever", "CAMPAY_WEBHOOK_KEY": key})

    entry = gateways._campay()

    assert entry is not None
    assert entry["options"]["permanent_token"] == "forever"
    assert problems == []


@pytest.mark.parametrize("address", ["http://127.0.0.1:9000/fapshi", "http://localhost/fapshi"])
def test_allows_plain_http_on_the_same_machine(
    problems: list[str], monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    put(monkeypatch, {**FAPSHI, "FAPSHI_BASE_URL": address})

    assert gateways._fapshi() is not None
    assert problems == []

"""Where customers may be sent to: a page with TLS, but at a gateway that itself has none (the sandbox)."""

import pytest

from payments.gateways import get_gateway
from tests.gateways import switched_on

PAGE = "pay.example/p/7"


@pytest.mark.parametrize("gateway", ["fapshi", "campay", "razorpay", "cashfree"])
@pytest.mark.parametrize(
    ("at", "pages"),
    [("https://gateway.example", [f"https://{PAGE}"]), ("http://127.0.0.1:9", [f"https://{PAGE}", f"http://{PAGE}"])],
)
def test_nobody_is_sent_to_a_page_without_tls(gateway: str, at: str, pages: list[str]) -> None:
    told = [f"https://{PAGE}", f"http://{PAGE}", f"ftp://{PAGE}", "javascript:alert(1)", f"//{PAGE}", PAGE, "", None, 7]

    with switched_on(at):
        api = get_gateway(gateway)._api  # type: ignore[attr-defined]
        shown = [api.page(url) for url in told]

    assert [page for page in shown if page] == pages

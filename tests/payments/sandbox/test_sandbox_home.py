"""payments.sandbox.home: the front page for people."""

from tests.payments.sandbox.sandbox_client import Control, FapshiMerchant, RazorpayMerchant


def test_shows_what_was_turned_and_what_was_booked_last(control: Control, fapshi: FapshiMerchant) -> None:
    control.turn("fapshi", refusal_rate=0.25).raise_for_status()
    for _ in range(21):
        fapshi.link(amount=700)

    answer = control.http.get(f"{control.address}/", timeout=5)

    assert answer.headers["Content-Type"].startswith("text/html")
    fapshi_part = answer.text.partition("<h2>fapshi</h2>")[2]
    assert '<a href="/control/fapshi">' in fapshi_part
    assert "refusal_rate = 0.25" in fapshi_part
    assert "error_rate" not in answer.text
    assert fapshi_part.count('class="amount">700 XAF<') == 20
    assert "<td>21</td>" in fapshi_part
    assert "<td>1</td>" not in fapshi_part


def test_shows_rupees_and_not_paise(control: Control, razorpay: RazorpayMerchant) -> None:
    razorpay.pay(amount=64_050)

    page = control.http.get(f"{control.address}/", timeout=5).text

    assert 'class="amount">640.50 INR<' in page


def test_shows_the_overrides_of_single_phones(control: Control) -> None:
    control.override("campay", "677000001", times=2, refusal_rate=1)

    page = control.http.get(f"{control.address}/", timeout=5).text

    assert "677000001: {&quot;knobs&quot;: {&quot;refusal_rate&quot;: 1}, &quot;times&quot;: 2}" in page
    assert "No transaction yet." in page


def test_programs_find_their_json_below_control(control: Control) -> None:
    assert control.http.get(f"{control.address}/control", timeout=5).json()["gateways"] == [
        "campay",
        "cashfree",
        "fapshi",
        "razorpay",
    ]
    assert control.http.post(f"{control.address}/", timeout=5).status_code == 404

"""Requests that make no sense on the wire, and what may come back for each."""

from tests.hostile.wire import CLOSED

HOST = b"Host: 127.0.0.1\r\n"
LIVE = b"GET /health/live HTTP/1.1\r\n" + HOST
HOOK = b"POST /webhooks/fapshi/ HTTP/1.1\r\nContent-Type: application/json\r\n" + HOST
CART = b"POST /api/cart/ HTTP/1.1\r\nContent-Type: application/json\r\n" + HOST
NOWHERE = b"POST /none HTTP/1.1\r\n" + HOST
LOGIN_AS = b"POST /api/auth/token/ HTTP/1.1\r\n" + HOST
LOGIN = LOGIN_AS + b"Content-Type: application/json\r\n"


def get(path: bytes, *lines: bytes, host: bytes = HOST, method: bytes = b"GET") -> bytes:
    return method + b" " + path + b" HTTP/1.1\r\n" + host + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


def form(kind: bytes, *part: bytes) -> bytes:
    """A form at the staff's login, with the cookie and the token that let it be read."""
    secret = b"a" * 32
    parts = (b'--x\r\nContent-Disposition: form-data; name="csrfmiddlewaretoken"\r\n\r\n' + secret, *part)
    body = b"\r\n".join((*parts, b"--x--\r\n"))
    head = b"Content-Type: multipart/form-data; boundary=x" + kind, b"Content-Length: %d" % len(body)
    return get(b"/admin/login/", *head, b"Cookie: csrftoken=" + secret, method=b"POST") + body


CLIENTS_FAULT = {*range(400, 432), CLOSED}
UNMEASURED = {411, 400, CLOSED}
HEX, UTF_8 = b"Content-Type: text/plain; charset=hex", b"Content-Type: application/json; charset=utf-8"
# Half of this parameter has a number, half has none: Python cannot put them in order.
TORN = b"; a*=x; a*0=y"
TORN_TYPE = b"Content-Type: application/json" + TORN
TORN_PART = b'--x\r\nContent-Disposition: form-data; name="a"' + TORN + b"\r\n\r\n1"
# Headers that Django, Python or the framework cannot read. What is sent, and what may come back, from both servers.
UNREADABLE: dict[str, tuple[bytes, set[int]]] = {
    "a charset that is none of text": (get(b"/api/products/?a=1", HEX), {200}),
    "a charset that is none of text, for CamPay": (get(b"/webhooks/campay/?a=1", HEX), {401}),
    "a charset that is none of text, of a form": (form(b"; charset=hex"), {200}),
    "a charset and 1,002 fields": (get(b"/api/products/?" + b"&" * 1001, UTF_8), {400}),
    "a charset and 1,002 fields for CamPay": (get(b"/webhooks/campay/?" + b"&" * 1001, UTF_8), {400}),
    "a parameter in a charset nobody knows": (get(b"/api/products/", b"Content-Type: text/plain; a*=no'en'x"), {200}),
    "a parameter in halves": (get(b"/api/products/", TORN_TYPE), {200}),
    "a parameter in halves for CamPay": (get(b"/webhooks/campay/?a=1", TORN_TYPE), {401}),
    "a parameter in halves, of a body": (LOGIN_AS + TORN_TYPE + b"\r\nContent-Length: 2\r\n\r\n{}", {415}),
    "a parameter in halves, of a part of a form": (form(b"", TORN_PART), {400}),
    "a parameter in halves, accepted": (get(b"/api/products/", b"Accept: */*" + TORN), {200}),
    "a parameter in quotes, accepted": (get(b"/api/products/", b"Accept: */*; a=\"x; b*=no'en'y\""), {200}),
    "a new line in the version of the document": (get(b"/api/schema/?version=%0a"), {200}),
}  # fmt: skip
# The same, from the web process.
STRANGE: dict[str, tuple[bytes, set[int]]] = {
    "HTTP/1.0": (b"GET /health/live HTTP/1.0\r\n" + HOST + b"\r\n", {200, CLOSED}),
    "HTTP/1.0 without a host": (b"GET /health/live HTTP/1.0\r\n\r\n", {400, CLOSED}),
    "HTTP/0.9": (b"GET /health/live\r\n\r\n", CLIENTS_FAULT),
    "HTTP/3.0": (b"GET /health/live HTTP/3.0\r\n" + HOST + b"\r\n", CLIENTS_FAULT),
    "the preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00", CLIENTS_FAULT),
    "h2c": (get(b"/health/live", b"Connection: Upgrade", b"Upgrade: h2c"), {200}),
    "a websocket": (get(b"/api/orders/", b"Connection: Upgrade", b"Upgrade: websocket"), {401}),
    "TLS": (bytes.fromhex("16030100a5010000a10303") + b"a" * 150, CLIENTS_FAULT),
    "noise": (b"\x00\xff\xfe" * 200 + b"\r\n\r\n", CLIENTS_FAULT),
    "bad escapes": (get(b"/api/%zz/%/%"), {404}),
    "NUL in the path": (get(b"/api/\x00/"), CLIENTS_FAULT),
    "NUL in the path, escaped": (get(b"/api/payments/%00/"), {404}),
    "NUL in the query": (get(b"/api/products/?a=%00"), {400}),
    "bytes in the path": (get(b"/api/\xff\xfe/?a=\xff"), CLIENTS_FAULT),
    "bytes in the path, escaped": (get(b"/api/%ff%fe/?a=%ff"), {404}),
    "bytes in a header": (get(b"/health/live", b"X-A: \xff\xfe"), {200}),
    "bytes in the token": (get(b"/api/cart/", b"Authorization: Token \xff\xfe"), {401}),
    "bytes in cookie and language": (get(b"/api/cart/", b"Cookie: sessionid=\xff", b"Accept-Language: \xfe"), {401}),
    "NUL in a header": (get(b"/health/live", b"X-A: a\0b"), CLIENTS_FAULT),
    "bytes as JSON": (LOGIN + b"Content-Length: 4\r\n\r\n\xff\xfe\x00{", {400}),
    "no host": (get(b"/health/live", host=b""), {400}),
    "two hosts": (get(b"/api/orders/", b"Host: evil.example"), {400}),
    "another host": (get(b"/api/orders/", host=b"Host: evil.example\r\n"), {400}),
    "a host with a name before it": (get(b"/api/orders/", host=b"Host: 127.0.0.1@evil.example\r\n"), {400}),
    "a host of bytes": (get(b"/api/orders/", host=b"Host: \xff\xfe\r\n"), {400}),
    "a host that a header claims": (get(b"/api/orders/", b"X-Forwarded-Host: evil.example"), {401}),
    "a proxy's request": (get(b"http://evil.example/api/orders/"), {400, 401}),
    "CONNECT": (get(b"evil.example:443", host=b"Host: evil.example:443\r\n", method=b"CONNECT"), {400, 404, 405}),
    "OPTIONS *": (get(b"*", method=b"OPTIONS"), {400, 404}),
    "TRACE": (get(b"/api/products/", method=b"TRACE"), {405}),
    "PROPFIND": (get(b"/api/products/", method=b"PROPFIND"), {405}),
    "a method of letters": (get(b"/api/products/", method=b"A" * 5000), {400, 405}),
    "a method of bytes": (get(b"/api/products/", method=b"G\xc3\x89T"), CLIENTS_FAULT),
    "ranges": (get(b"/api/products/", b"Range: bytes=0-1,5-1,9-99999999999"), {200}),
    "an expectation nobody knows": (HOOK + b"Expect: miracles\r\nContent-Length: 2\r\n\r\n{}", {401, 417}),
    "a length below zero": (HOOK + b"Content-Length: -1\r\n\r\n{}", CLIENTS_FAULT),
    "a length with a sign": (HOOK + b"Content-Length: +2\r\n\r\n{}", CLIENTS_FAULT),
    "a length beyond all numbers": (HOOK + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n{}", CLIENTS_FAULT),
    "two lengths": (HOOK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", CLIENTS_FAULT),
    "a length too small": (HOOK + b"Content-Length: 1\r\n\r\n{}", {401, 400, CLOSED}),
    "a length and chunks": (HOOK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", UNMEASURED),
    "chunks within gzip": (HOOK + b"Transfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", UNMEASURED),
    "an unknown coding": (HOOK + b"Transfer-Encoding: x\r\nContent-Length: 2\r\n\r\n{}", CLIENTS_FAULT),
    "chunks that are none": (HOOK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n", UNMEASURED),
    "a length by another name": (get(b"/health/live", b"Content_Length: 5"), {200}),
    "lines that end badly": (b"GET /health/live HTTP/1.1\nHost: 127.0.0.1\n\n", {200, 400, CLOSED}),
    "a folded header": (get(b"/health/live", b"X-A: a", b" b"), CLIENTS_FAULT),
    "a blank before the colon": (get(b"/health/live", b"X-A : a"), CLIENTS_FAULT),
    "64 KB and one": (HOOK + b"Content-Length: 65537\r\n\r\n" + b"x" * 65537, {413}),
    "a gigabyte at the webhooks": (HOOK + b"Content-Length: 1000000000\r\n\r\n{}", {413, CLOSED}),
    "a gigabyte at the login": (LOGIN + b"Content-Length: 1000000000\r\n\r\n{}", {413, CLOSED}),
    "a gigabyte of a stranger's": (CART + b"Content-Length: 1000000000\r\n\r\n{}", {401, CLOSED}),
    "a gigabyte at no address": (NOWHERE + b"Content-Length: 1000000000\r\n\r\n", {404, CLOSED}),
    "3,000 headers": (get(b"/health/live", *(b"X-%d: a" % number for number in range(3000))), CLIENTS_FAULT),
    "a header of two megabytes": (get(b"/health/live", b"X-A: " + b"a" * 2_000_000), CLIENTS_FAULT),
    "an address of two megabytes": (get(b"/" + b"a" * 2_000_000), CLIENTS_FAULT),
    "an address of 60 KB": (get(b"/" + b"a" * 60_000), {404, 414}),
    "15,000 fields in a query": (get(b"/api/orders/?" + b"a=1&" * 15_000), {400, 401}),
    "15,000 fields for CamPay": (get(b"/webhooks/campay/?" + b"a=1&" * 15_000), {400}),
    **UNREADABLE,
    "300 KB of cookies": (get(b"/api/cart/", b"Cookie: " + b"a=b; " * 60_000), {401, *CLIENTS_FAULT}),
}  # fmt: skip

"""A server that responds to ListObjectsV2 fast: moto reads all keys of a bucket for each page.

``python -m benchmarks.listing_server COUNT SHAPE DELAY`` prints its address.
"""

from __future__ import annotations

import sys
import time
from bisect import bisect_left, bisect_right
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, quote, urlsplit

from benchmarks.manifest_create import SHAPES
from s3batch_handler.core._typing import override

PAGE = 1000
OBJECT = (
    "<Contents><Key>{}</Key><LastModified>2024-01-31T12:00:00.000Z</LastModified>"
    "<ETag>&quot;d41d8cd98f00b204e9800998ecf8427e&quot;</ETag><Size>1024</Size>"
    "<StorageClass>STANDARD</StorageClass></Contents>"
)


def page(keys: list[str], query: dict[str, str]) -> str:
    """Return the response to a request, with the parameters of the request by name."""
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter")
    after = query.get("continuation-token") or query.get("start-after", "")
    place = max(bisect_left(keys, prefix), bisect_right(keys, after) if after else 0)
    found: list[str] = []
    last = ""
    while len(found) < PAGE and place < len(keys) and keys[place].startswith(prefix):
        key = keys[place]
        end = key.find(delimiter, len(prefix)) if delimiter else -1
        if end < 0:
            found.append(OBJECT.format(quote(key)))
            last, place = key, place + 1
        else:
            last = key[: end + 1]
            found.append(f"<CommonPrefixes><Prefix>{quote(last)}</Prefix></CommonPrefixes>")
            place = bisect_left(keys, last[:-1] + chr(ord(last[-1]) + 1))
    is_truncated = place < len(keys) and keys[place].startswith(prefix)
    token = f"<NextContinuationToken>{quote(last)}</NextContinuationToken>" if is_truncated else ""
    return (
        '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<EncodingType>url</EncodingType><IsTruncated>{str(is_truncated).lower()}</IsTruncated>"
        f"{token}{''.join(found)}</ListBucketResult>"
    )


def main(count: int, shape: str, delay: float) -> None:
    keys = sorted(map(SHAPES[shape], range(count)))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = page(keys, dict(parse_qsl(urlsplit(self.path).query))).encode()
            time.sleep(delay)
            self.send_response(200)
            self.send_header("Content-Type", "application/xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        @override
        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], float(sys.argv[3]))

"""A page of another origin that tries to use the routes of the pack."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ATTACK = """
async function attack(routes, bodies) {
  const done = [];
  for (const route of routes) {
    for (const body of bodies) {
      const ours = {'Content-Type': 'application/json', 'X-Venice': '1'};
      const text = new Blob([body], {type: 'text/plain'});
      const simple = {method: 'POST', mode: 'no-cors'};
      done.push(fetch(route, {...simple, body: text}));
      done.push(fetch(route, {...simple, body: text, credentials: 'include'}));
      done.push(fetch(route, {...simple, body: new Blob([body])}));
      done.push(fetch(route, {method: 'POST', headers: ours, body}));
      navigator.sendBeacon(route, text);
      for (const enctype of [
        'text/plain', 'multipart/form-data', 'application/x-www-form-urlencoded',
      ]) done.push(send(route, enctype, body));
    }
  }
  await Promise.allSettled(done);
}
function send(route, enctype, body) {
  return new Promise(loaded => {
    const name = 'frame' + Math.random();
    const frame = Object.assign(document.createElement('iframe'), {name});
    const form = Object.assign(document.createElement('form'),
      {action: route, method: 'POST', enctype, target: name});
    // As text/plain this is the body with a = in it, which JSON allows within a text.
    const [begin, end] = [body.slice(0, -1) + (body === '{}' ? '' : ',') + '"x":"', '"}'];
    form.append(Object.assign(document.createElement('input'), {name: begin, value: end}));
    document.body.append(frame, form);
    frame.onload = loaded;
    form.submit();
    setTimeout(loaded, 5000);
  });
}
"""
PAGE = """<!doctype html><meta charset="utf-8"><body><script>{attack}
const given = {given};
attack(...given).then(() => {{ window.isDone = true; }});
window.onmessage = event => {{ window.isNullDone = event.data; }};
const frame = document.createElement('iframe');
frame.sandbox = 'allow-scripts allow-forms';
frame.srcdoc = '<body><script>' + attack + send + 'attack(...' + JSON.stringify(given) +
  ").then(() => parent.postMessage(self.origin, '*'))<\\/script>";
document.body.append(frame);
</script>"""


@contextmanager
def foreign_page(routes: Sequence[str], bodies: Sequence[object]) -> Iterator[str]:
    """Serve the page on its own port; yield its address.

    After all tries, `window.isDone` is true, and `window.isNullDone` is "null", the origin of its
    frame.
    """
    given = json.dumps([list(routes), [json.dumps(body) for body in bodies]])
    content = PAGE.format(attack=ATTACK, given=given).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_given: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(30)

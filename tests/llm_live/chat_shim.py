"""A server of a real model on loopback: Chat Completions over llama.cpp, run by the laboratory's own Python.

`python chat_shim.py FOLDER`: the first *.gguf below the folder. It prints `listening PORT`, then answers one request
after the other. A JSON schema becomes a grammar, where llama.cpp can make one; another response_format is refused with
a 400 that names it, as servers do that do not know it. Uses nothing of the product.
"""

from __future__ import annotations

import json
import select
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import llama_cpp

CONTEXT = 4096
MOST_S = 60.0
"""Of one answer; it ends when whoever asked has gone, too."""
MOST_PARTS, LONGEST_TEXT = 4, 90
"""A grammar without bounds lets a small model go on until its tokens are used up."""


def bounded(schema: Any) -> Any:
    """The schema with bounds for what has none; what llama.cpp does not know is left out."""
    if isinstance(schema, list):
        return [bounded(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: bounded(value) for key, value in schema.items()}
    if made.get("type") == "array":
        made = {"minItems": 1, "maxItems": MOST_PARTS, **made}
    if made.get("type") == "string" and "enum" not in made:
        made = {"minLength": 1, "maxLength": LONGEST_TEXT, **made}
    return made


class Refused(ValueError):
    """The request asks for what this server cannot do."""


class Model:
    """One at a time; the beginning of a prompt that is the same as the last one's is not read again."""

    def __init__(self, path: Path) -> None:
        self.name = path.stem
        self._llama = llama_cpp.Llama(str(path), n_ctx=CONTEXT, n_threads=1, n_threads_batch=1, verbose=False)
        self._lock = threading.Lock()

    def answer(self, asked: dict[str, Any], gone: Any) -> dict[str, Any]:
        grammar = self._grammar(asked.get("response_format"))
        most = int(asked.get("max_tokens") or asked.get("max_completion_tokens") or 512)
        with self._lock:
            text, finish, n = self._written(asked, grammar, most, gone)
            n_read = max(0, self._llama.n_tokens - n)
        usage = {"prompt_tokens": n_read, "completion_tokens": n, "total_tokens": n_read + n}
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": finish}
        return {"id": "1", "object": "chat.completion", "model": self.name, "choices": [choice], "usage": usage}

    def _grammar(self, form: dict[str, Any] | None) -> Any:
        if form is None or form.get("type") == "text":
            return None
        if form.get("type") != "json_schema":
            raise Refused(f"response_format {form.get('type')} is not supported")
        try:
            schema = json.dumps(bounded(form["json_schema"]["schema"]))
            return llama_cpp.LlamaGrammar.from_json_schema(schema, verbose=False)
        except Exception as error:
            raise Refused(f"response_format json_schema: {error}") from error

    def _written(self, asked: dict[str, Any], grammar: Any, most: int, gone: Any) -> tuple[str, str, int]:
        began, parts, finish, n = time.monotonic(), [], "stop", 0
        stream = self._llama.create_chat_completion(
            asked["messages"], stream=True, grammar=grammar, max_tokens=most,
            temperature=float(asked.get("temperature", 0.8)),
        )  # fmt: skip
        for chunk in stream:
            choice = chunk["choices"][0]
            part = choice["delta"].get("content")
            if part:
                parts.append(part)
                n += 1
            finish = choice.get("finish_reason") or finish
            if time.monotonic() - began > MOST_S or gone():
                finish = "length"
                break
        return "".join(parts), finish, n


def handler(model: Model) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            try:
                self._say(200, model.answer(asked, self._gone))
            except Refused as error:
                self._say(400, {"error": {"message": str(error)}})
            except OSError:  # who asked has gone
                self.close_connection = True

        def _gone(self) -> bool:
            readable, _, _ = select.select([self.connection], [], [], 0)
            return bool(readable) and not self.connection.recv(1, 2)  # 2: MSG_PEEK

        def _say(self, status: int, told: dict[str, Any]) -> None:
            content = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: object) -> None: ...

    return Handler


def main(folder: str) -> None:
    path = next(iter(sorted(Path(folder).rglob("*.gguf"))))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(Model(path)))
    server.daemon_threads = True
    print(f"listening {server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])

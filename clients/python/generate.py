"""Writes the messages and the typed services of the client into src/, from proto/. It needs grpcio-tools.

Run: python clients/python/generate.py. Tests and releases run it before `python -m build`; its output is not committed.
"""

import re
import sys
from importlib import import_module, resources
from pathlib import Path

from grpc_tools import protoc

here = Path(__file__).parent
proto = here.parent.parent / "proto"
src = here / "src"

HEADER = '''"""{title}. Written by generate.py from the contract."""

from __future__ import annotations

{imports}


'''

CLASS = '''class {name}:
    """{doc}"""

    def __init__(self, core: {core}) -> None:
        self._core = core

'''

UNARY = '''    {prefix}def {name}(self, request: {request}, *, timeout: float | None = None, metadata: Metadata = ()) -> {response}:
        """{doc}"""
        return {await_}self._core.call(_{service}_{name}, request, timeout, metadata)

'''

STREAM = '''    def {name}(self, request: {request}, *, timeout: float | None = None, metadata: Metadata = ()) -> {iterator}[{response}]:
        """{doc}"""
        return self._core.stream(_{service}_{name}, request, timeout, metadata)

'''

UPLOAD = '''    {prefix}def {name}(self, requests: {iterator}[{request}], *, timeout: float | None = None, metadata: Metadata = ()) -> {response}:
        """{doc}"""
        return {await_}self._core.upload(_{service}_{name}, requests, timeout, metadata)

'''


def generate_messages() -> list[Path]:
    files = sorted(path.relative_to(proto) for folder in ("userd", "buf") for path in (proto / folder).rglob("*.proto"))
    outputs = [f"--python_out={src}", f"--pyi_out={src}"]
    includes = [f"-I{proto}", f"-I{resources.files('grpc_tools') / '_proto'}"]
    status = protoc.main(["protoc", *includes, *outputs, *map(str, files)])
    if status != 0:
        sys.exit(status)
    return files


def comments(path: Path) -> dict[str, str]:
    """The first sentence of the comment above each service and RPC of a proto file."""
    found: dict[str, str] = {}
    comment: list[str] = []
    for line in (proto / path).read_text().splitlines():
        text = line.strip()
        if text.startswith("//"):
            comment.append(text.removeprefix("//").strip())
            continue
        declared = re.match(r"(?:rpc|service) (\w+)", text)
        if declared:
            found[declared[1]] = re.split(r"(?<=[.:]) ", " ".join(comment))[0].replace('"""', "")
        comment = []
    return found


def write_services(files: list[Path], is_async: bool) -> None:
    core = "AsyncCore" if is_async else "Core"
    iterator = "AsyncIterator" if is_async else "Iterator"
    names = {"core": core, "iterator": iterator, "prefix": "async " if is_async else "", "await_": "await " if is_async else ""}
    imports, methods, classes = {f"from collections.abc import {iterator}"}, [], []
    imports |= {f"from userd_client.core import {core}, Metadata", "from userd_client.methods import Method"}

    def module_of(message) -> str:
        module = message.file.name.removesuffix(".proto").replace("/", ".") + "_pb2"
        package, name = module.rsplit(".", 1)
        imports.add(f"from {package} import {name}")
        return f"{name}.{message.name}"

    for path in files:
        module = import_module(str(path).removesuffix(".proto").replace("/", ".") + "_pb2")
        docs = comments(path)
        for service in module.DESCRIPTOR.services_by_name.values():
            text = CLASS.format(name=service.name, doc=docs.get(service.name, service.full_name), **names)
            for method in service.methods:
                request, response = module_of(method.input_type), module_of(method.output_type)
                methods.append(f'_{service.name}_{method.name} = Method("{service.full_name}", "{method.name}", {request}, {response})')
                template = UPLOAD if method.client_streaming else STREAM if method.server_streaming else UNARY
                text += template.format(
                    name=method.name, service=service.name, request=request, response=response, doc=docs.get(method.name, ""), **names
                )
            classes.append(text.rstrip() + "\n")
    title = "The services for asyncio" if is_async else "The services"
    target = src / "userd_client" / ("aio_services.py" if is_async else "services.py")
    header = HEADER.format(title=title, imports="\n".join(sorted(imports)))
    target.write_text(header + "\n".join(methods) + "\n\n\n" + "\n\n".join(classes))


def main() -> None:
    files = generate_messages()
    sys.path.insert(0, str(src))
    contract = [path for path in files if path.parts[0] == "userd"]
    for is_async in (False, True):
        write_services(contract, is_async)


main()

"""From errors to facts: what could not be read is a value, so that one failing probe does not hide the others."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from emqx_autocluster.clients.errors import ClientError
from emqx_autocluster.observation import Fact, Unobserved

T = TypeVar("T")


async def fact(reading: Awaitable[T]) -> Fact[T]:
    try:
        return await reading
    except ClientError as error:
        return Unobserved(str(error))


async def parsed(reading: Awaitable[dict[str, Any] | None], parse: Callable[[Any], T]) -> Fact[T | None]:
    """An object of the API; None: there is none."""
    body = await fact(reading)
    return body if body is None or isinstance(body, Unobserved) else parse(body)

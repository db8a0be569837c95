"""The description of the HTTP API as OpenAPI 3.1, made from what the API itself runs on.

A route is described where it stands, and one that is not fails the tests (``tests/api/test_openapi.py``)::

    @router.post("/{account_id}/orders")
    @described("Order", body=OrderPlace, refused={400: ("account_closed",)})
    async def place_order(call: Authenticated, account_id: str) -> JSON:
        # and its docstring: the summary, an empty line, and what more there is to say, in Markdown

- The function's name is the ``operationId``, its docstring summary and description, the router's ``tags`` the chapter.
- ``body`` is the pydantic model that parses the request; under ``/v1/`` it is a form. What pydantic can't see of a
  validator stands beside it as ``WithJsonSchema`` (``api/schemas/fields.py``).
- ``query`` are parameters of ``api/openapi/queries.py``.
- The answer is the name of a component: an object of a template is built from that template
  (``api/openapi/accounts.py``), any other one is written down in ``api/openapi/objects.py``. Real answers are held
  against it in the tests and by the fuzzer, so nothing in it may be missing, and nothing may be missing in it.
- Where ``about`` lets a request act for an account by a header, the header is described from it.
- ``refused`` are the codes of refusals by status, beyond those that follow from the rest (``api/openapi/refusals.py``).
- Words about a property, wherever it occurs, stand in ``api/openapi/words.py``.

Then ``make openapi`` writes ``docs/openapi.json``; with ``EXAMPLES=1`` it first records the examples anew, from a real
API on a real Postgres (``tests/support/recording.py``: add the call there).
"""

from api.openapi.described import Described, described, description_of
from api.openapi.document import document_bytes, openapi_document

__all__ = ["Described", "described", "description_of", "document_bytes", "openapi_document"]

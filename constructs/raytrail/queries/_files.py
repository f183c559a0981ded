"""The files of the saved queries: a header of comment lines, then the statement.

A file starts like this::

    -- title: Calls of an address
    -- question: What was called from one address, by whom, in the days given?
    -- parameter: address (text): the address as CloudTrail writes it, such as 198.51.100.7
    -- parameter: from (day): first day of the files to read, such as 2026/11/01
    -- technique: T1078.004

There is a line for each parameter, in any number, and ``technique`` (an id of MITRE ATT&CK) is left out where none
fits. In the statement ``${address}`` is the place of a parameter; it may stand in a WHERE clause and nowhere else,
because Athena takes parameters nowhere else.
"""

from __future__ import annotations

import importlib.resources
import re

from raytrail.errors import InvalidProps
from raytrail.queries._model import SavedQuery
from raytrail.queries._parameters import QueryParameter, nearest

_PARAMETER = r"-- parameter: (?P<name>\S+) \((?P<kind>\w+)\): (?P<meaning>\S.*), such as (?P<example>\S.*)\n"
_HEADER = re.compile(
    r"-- title: (?P<title>\S.*)\n"
    r"-- question: (?P<question>\S.*)\n"
    rf"(?P<parameters>(?:{re.sub('[?]P<[a-z]+>', '?:', _PARAMETER)})*)"
    r"(?:-- technique: (?P<technique>\S+)\n)?"
    r"(?!-- \w+:)\n*"
)


def saved_queries() -> tuple[SavedQuery, ...]:
    """Return the queries that come with the package, in order of their names.

    Raises:
        InvalidProps: A file has no header, or breaks a limit of `SavedQuery`.
    """
    # The files lie in the room of the lake, which is not imported for them: it needs the CDK.
    folder = importlib.resources.files("raytrail") / "audit" / "queries"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)
    return tuple(parse_query(file.name.removesuffix(".sql"), file.read_text(encoding="utf-8")) for file in files)


def saved_query(name: str) -> SavedQuery:
    """Return one query of the package.

    Args:
        name: As ``root_use``.

    Raises:
        InvalidProps: There is none of that name; the message has the nearest.
    """
    queries = {query.name: query for query in saved_queries()}
    if name not in queries:
        raise InvalidProps(f"there is no saved query {name!r}{nearest(name, queries)}; they are {', '.join(queries)}")
    return queries[name]


def parse_query(name: str, text: str) -> SavedQuery:
    """Return the query that a file holds.

    Args:
        name: Short and stable: what the file is called, without ``.sql``.
        text: The file's text: the header, then the statement.

    Raises:
        InvalidProps: The text does not start with the header, or breaks a limit of `SavedQuery`.
    """
    header = _HEADER.match(text)
    if header is None:
        raise InvalidProps(
            f"query {name!r} must start with the lines '-- title: ...' and '-- question: ...', then for each parameter "
            "'-- parameter: NAME (KIND): MEANING, such as EXAMPLE', and '-- technique: T....' where one fits"
        )
    return SavedQuery(
        name=name,
        title=header["title"],
        question=header["question"],
        technique=header["technique"],
        parameters=tuple(
            QueryParameter(name=found["name"], kind=found["kind"], meaning=found["meaning"], example=found["example"])
            for found in re.finditer(_PARAMETER, header["parameters"])
        ),
        sql=text[header.end() :],
    )

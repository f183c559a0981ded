"""Public names: what each is, what it is made with, and what its docstring says of that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias, cast

import griffe
from tools._docstrings import (
    By,
    Docs,
    Item,
    argument,
    field_of,
    given,
    lineage,
    named_by,
    read_docs,
    text_of,
    type_of,
    with_bases,
)

Kind: TypeAlias = Literal["construct", "value", "class", "error", "function", "name"]
# How the names of those methods begin that a library calls, by its class that ours complete.
_CALLED_BY = {"sigma.conversion.base.Backend": ("convert_condition_", "convert_correlation_", "finalize_")}

Source: TypeAlias = griffe.Class | griffe.Function | griffe.Attribute


@dataclass(frozen=True, eq=False)
class Method:
    """A public function or method."""

    path: str
    """As ``raytrail.tracing.TraceGroup.grant_read``."""
    source: griffe.Function

    @property
    def name(self) -> str:
        """As ``grant_read``."""
        return self.source.name

    @cached_property
    def docs(self) -> Docs:
        """What its docstring says."""
        return read_docs(self.source)

    @property
    def returns(self) -> str:
        """The type of what it returns, or nothing."""
        return text_of(self.source.returns).removeprefix("None")

    @cached_property
    def arguments(self) -> list[Item]:
        """Its parameters, without the object or the class that a method has first."""
        every = list(self.source.parameters)
        static = any(text_of(each.value) == "staticmethod" for each in self.source.decorators)
        bound = self.source.parent is not None and self.source.parent.is_class and not static
        return [argument(each, self.docs.args.get(each.name, "")) for each in every[bound:]]


@dataclass(frozen=True, eq=False)
class Public:
    """A public name of a room."""

    room: str
    """As ``raytrail.tracing``."""
    name: str
    source: Source
    every: frozenset[str]
    """Where each public name is written, to tell the bases that can be looked up from those that cannot."""
    imported: bool = True
    """Whether people import it: the others they only get, or give what is like them."""

    @property
    def path(self) -> str:
        """As ``raytrail.tracing.TraceGroup``."""
        return f"{self.room}.{self.name}"

    @cached_property
    def docs(self) -> Docs:
        """What its docstring says; that of ``__init__`` belongs to the class."""
        init = self.source.members.get("__init__") if isinstance(self.source, griffe.Class) else None
        return read_docs(self.source) + (read_docs(init) if isinstance(init, griffe.Function) else Docs())

    @cached_property
    def kind(self) -> Kind:
        """What sort of thing it is."""
        if isinstance(self.source, griffe.Function):
            return "function"
        if isinstance(self.source, griffe.Attribute):
            return "name"
        bases = set(lineage(self.source))
        if bases & {"Exception", "BaseException"}:
            return "error"
        if bases & {"constructs.Construct", "aws_cdk.Stack", "aws_cdk.Resource"}:
            return "construct"
        is_value = "dataclass" in self.source.labels or bases & {"typing.NamedTuple", "pydantic.BaseModel"}
        return "value" if is_value else "class"

    @property
    def bases(self) -> list[griffe.Class]:
        """The public classes of ours that it stands on, without those that these stand on themselves."""
        found = [each for each in self._owners[1:] if each.path in self.every]
        below = {base.path for each in found for base in with_bases(each)[1:]}
        return [each for each in found if each.path not in below]

    @cached_property
    def members(self) -> dict[str, griffe.Attribute | griffe.Function]:
        """Its public members in the order of the source; what it has of another public class is not among them."""
        bases = [base for each in self.bases for base in with_bases(each)]
        elsewhere = {each.path for each in bases}
        # What a kind of filter does as every filter does is said once.
        said = set() if self.imported else {name for each in bases for name in each.members}
        return {
            name: member
            for owner in reversed(self._owners)
            if owner.path not in elsewhere
            for name, member in owner.members.items()
            if not name.startswith("_") and isinstance(member, griffe.Attribute | griffe.Function)
            # The last is pydantic's own.
            if name not in said and name != "model_config" and not self._is_called_by_another(name)
        }

    @property
    def is_enum(self) -> bool:
        """Whether its attributes are all that there is of it."""
        return any(base.startswith("enum.") for owner in self._owners for base in lineage(owner))

    @cached_property
    def init(self) -> griffe.Function | None:
        """What makes one, its own or that of a class that it stands on."""
        found = next((owner.members["__init__"] for owner in self._owners if "__init__" in owner.members), None)
        return found if isinstance(found, griffe.Function) else None

    @cached_property
    def arguments(self) -> list[Item]:
        """What it is made with: the fields of a value, the keywords of a construct, the arguments of a function."""
        if isinstance(self.source, griffe.Function):
            return Method(self.path, self.source).arguments
        if self.kind == "value" and "dataclass" not in self.source.labels:
            bases = {base for owner in self._owners for base in lineage(owner)}
            by: By = "position" if "typing.NamedTuple" in bases else "keyword"
            return [field_of(each, by=by) for each in self._fields()]
        return [
            argument(each, self._said("args", each.name) or (self._said_of_field(each.name)))
            for each in (list(self.init.parameters)[1:] if self.init is not None and self.imported else [])
            if not (self.kind == "construct" and each.name in {"scope", "id"}) and not each.name.startswith("_")
        ]

    @cached_property
    def attributes(self) -> list[Item]:
        """What may be read of it, beside the fields of a value."""
        fields = {each.name for each in self.arguments} if self.kind == "value" else set()
        return [
            Item(
                name=name,
                type=text_of(member.value) if self.is_enum else type_of(member),
                doc=self._said_of_field(name),
            )
            for name, member in self.members.items()
            if isinstance(member, griffe.Attribute) and name not in fields
        ]

    @cached_property
    def methods(self) -> list[Method]:
        """Its public methods."""
        found = self.members.items()
        return [Method(f"{self.path}.{name}", each) for name, each in found if isinstance(each, griffe.Function)]

    def _is_called_by_another(self, name: str) -> bool:
        """Whether it is there for the library whose class this one completes."""
        prefixes = [_CALLED_BY.get(base, ()) for owner in self._owners for base in lineage(owner)]
        return any(name.startswith(each) for each in prefixes)

    def mentioned(self) -> Iterator[griffe.Class | griffe.Attribute]:
        """The types that its annotations name: what it takes, what it gives, what its attributes are."""
        functions = [self.source, self.init, *(each.source for each in self.methods)]
        annotations = [
            *(given(each) for each in (self.source, *self.members.values()) if isinstance(each, griffe.Attribute)),
            *(each.returns for each in functions if isinstance(each, griffe.Function)),
            *(one.annotation for each in functions if isinstance(each, griffe.Function) for one in each.parameters),
        ]
        for annotation in annotations:
            for name in annotation.iterate() if isinstance(annotation, griffe.Expr) else ():
                target = named_by(name, self.source) if isinstance(name, griffe.ExprName) else None
                # What a descriptor gives is mentioned, not the descriptor.
                if target is not None and "__get__" not in target.members:
                    yield target

    @property
    def _owners(self) -> list[griffe.Class]:
        return with_bases(self.source) if isinstance(self.source, griffe.Class) else []

    def _fields(self) -> Iterator[griffe.Attribute]:
        for member in self.members.values():
            is_field = isinstance(member, griffe.Attribute) and member.annotation is not None
            if is_field and "property" not in member.labels:
                yield cast(griffe.Attribute, member)

    def _said_of_field(self, name: str) -> str:
        members = [owner.members[name] for owner in self._owners if name in owner.members]
        texts = (read_docs(each).text for each in members if isinstance(each, griffe.Attribute))
        return self._said("attributes", name) or next(filter(None, texts), "")

    def _said(self, section: Literal["args", "attributes"], name: str) -> str:
        """What the class, or the nearest that it stands on, says of one of its arguments or attributes."""
        every = (self.docs, *(read_docs(owner) for owner in self._owners[1:]))
        return next((said[name] for docs in every if name in (said := getattr(docs, section))), "")

"""CloudFormation: templates held against CloudFormation's own schemas, and resources that keep what they were given.

Emulates, around every resource handler: the coercion of primitives ("5" is 5), validation of the properties against
the type's schema with CloudFormation's messages, physical names, the attributes of Fn::GetAtt, and the properties
that the emulator would drop in silence (see `_completions`). Conditions read functions and pseudo parameters. A
custom resource whose handler dies fails at once. Types that `recorded_types` names and nothing emulates are only
identifiers. The signing name ``raytrail-resources`` answers ``GET /`` with every resource that was ever created,
emulated or recorded.

Held against: the schemas of CloudFormation's registry as cfn-lint ships them; what boto3 reads back of each property.

Differs from AWS: validation happens when a resource's turn comes and not before the first is created; the handler of
a custom resource that dies is not retried, nor is it waited for; cross-Region Fn::GetStackOutput is not resolved.
"""

from __future__ import annotations

from raytrail.localaws._cloudformation._recorded import recorded_types
from raytrail.localaws._world import World

__all__ = ["install", "recorded_types"]


def install(world: World) -> None:
    """Add this part to the embedded AWS; the last of all, for it wraps the resource types of the others."""
    # Imported here: `recorded_types` is asked for where the libraries of the server are not installed.
    from raytrail.localaws._cloudformation import (
        _completions,
        _conditions,
        _custom,
        _recorder,
        _replacement,
        _tags,
    )
    from raytrail.localaws._cloudformation._ledger import Ledger
    from raytrail.localaws._cloudformation._resources import CheckedResource
    from raytrail.localaws._hooks import hook

    ledger = Ledger()
    handlers = hook("ministack.services.cloudformation.provisioners:_RESOURCE_HANDLERS")
    _recorder.install(handlers)
    _completions.install(handlers)
    _replacement.install(handlers, world.config.region)
    _conditions.install()
    _tags.install()
    _custom.install(ledger)
    for type_name, handler in list(handlers.items()):
        handlers[type_name] = CheckedResource(type_name, handler, ledger).as_handler()
    world.services["raytrail-resources"] = ledger.answer

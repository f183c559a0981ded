"""To be written."""

from raytrail.localaws._world import World


def install(world: World) -> None:
    """Add this part to the embedded AWS."""
